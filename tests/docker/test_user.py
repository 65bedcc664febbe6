"""The script that makes the worker's user on Redpanda, against an admin API with a certificate of ours."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.docker.test_certificates import make, server_of

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parent.parent.parent / "docker/redpanda/user.py"
OPERATOR = f"Basic {b64encode(b'operator:secret of the operator').decode()}"
SECRET = {"password": "secret of the worker", "algorithm": "SCRAM-SHA-512"}


class AdminApi(ThreadingHTTPServer):
    """An admin API that answers as Redpanda's to what concerns users."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.users: dict[str, dict[str, str]] = {}


class Handler(BaseHTTPRequestHandler):
    server: AdminApi

    def do_POST(self) -> None:
        user = self._body()
        name = user.pop("username")
        self._answer(400 if name in self.server.users else self._set(name, user))

    def do_PUT(self) -> None:
        self._answer(self._set(self.path.rpartition("/")[2], self._body()))

    def _body(self) -> dict[str, str]:
        body: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _set(self, name: str, user: dict[str, str]) -> int:
        if self.headers["Authorization"] != OPERATOR:
            return 401
        self.server.users[name] = user
        return 200

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def admin(certificates: Path) -> Iterator[AdminApi]:
    with AdminApi() as server:
        server.socket = server_of(certificates, "redpanda").wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(admin: AdminApi, certificates: Path, operator: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "ADMIN_ADDRESS": f"localhost:{admin.server_port}",
        "CA_FILE": str(certificates / "ca/ca.pem"),
        "KAFKA_OPERATOR_PASSWORD": operator,
        "KAFKA_PASSWORD": SECRET["password"],
    }
    return subprocess.run(
        [sys.executable, SCRIPT], env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("before", [{}, {"worker": {"password": "an older one"}}])
def test_the_user_is_made_or_gets_the_password_again(
    admin: AdminApi, certificates: Path, before: dict[str, dict[str, str]]
) -> None:
    admin.users |= before

    done = run(admin, certificates, "secret of the operator")

    assert (done.returncode, done.stderr) == (0, "")
    assert admin.users == {"worker": SECRET}


def test_a_refusal_is_one_sentence_without_a_secret(admin: AdminApi, certificates: Path) -> None:
    done = run(admin, certificates, "a wrong one")

    assert done.returncode == 1
    assert done.stderr == f"Redpanda at localhost:{admin.server_port} does not make the user: 401 \n"
    assert admin.users == {}
