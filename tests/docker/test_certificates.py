"""The script that makes the certificates of compose.yaml: run for real, and used in a real handshake."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parent.parent.parent / "docker/certificates.sh"
NAMES = ("redpanda", "mongo")
FOLDERS = ("authority", "ca", *NAMES)


def make(folder: Path) -> Path:
    """Run the script as an ordinary user, who cannot give files away; return the folder of its `FOLDERS`."""
    programs = folder / "programs"
    for each in (programs, *(folder / name for name in FOLDERS)):
        each.mkdir(exist_ok=True)
    (programs / "chown").write_text("#!/bin/sh\n")
    (programs / "chown").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    command = ["sh", str(SCRIPT), *(str(folder / name) for name in FOLDERS)]
    subprocess.run(command, env=os.environ | {"PATH": path}, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


def shaken_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Let a client and a server talk in memory until both are content."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while [_goes_on(side.do_handshake) for side in sides] != [True, True]:
        pass


def _goes_on(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def client_of(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca/ca.pem")
    # Python 3.13 asks for this by default.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def server_of(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / name / f"{name}.crt", folder / name / f"{name}.key")
    return context


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_knows_the_ca_trusts_each_server_by_its_name(certificates: Path, name: str) -> None:
    shaken_hands(client_of(certificates), server_of(certificates, name), name)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shaken_hands(client_of(certificates), server_of(certificates, name), "other")


def test_workers_get_the_certificate_of_the_ca_and_each_server_its_own_keys(certificates: Path) -> None:
    files = {name: {path.name for path in (certificates / name).iterdir()} for name in FOLDERS[1:]}
    own = {name: {"ca.pem", f"{name}.key", f"{name}.crt", f"{name}.pem"} for name in NAMES}

    assert files == {"ca": {"ca.pem"}, **own, "mongo": own["mongo"] | {"mongo.keyfile"}}


def test_no_key_can_be_read_by_others(certificates: Path) -> None:
    made = [path for name in FOLDERS[1:] for path in (certificates / name).iterdir()]
    secret = (certificates / "authority").glob("*.key")

    assert {path.name for path in made if path.stat().st_mode & 0o077} == {"ca.pem"}
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for name in FOLDERS for path in (folder / name).iterdir()}


def test_a_second_start_changes_nothing(certificates: Path) -> None:
    before = contents(certificates)

    make(certificates)

    assert contents(certificates) == before


def test_an_interrupted_start_keeps_the_ca_that_is_there(certificates: Path, tmp_path: Path) -> None:
    shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)
    ca = (tmp_path / "authority/ca.pem").read_bytes()
    (tmp_path / "authority/ready").unlink()
    (tmp_path / "mongo/mongo.crt").unlink()

    make(tmp_path)

    assert (tmp_path / "ca/ca.pem").read_bytes() == ca
    shaken_hands(client_of(tmp_path), server_of(tmp_path, "mongo"), "mongo")
