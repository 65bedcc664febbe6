"""What mongosh runs in the service `mongo`, the users and the health check, as mongosh itself runs it.

The database is SecantusDB, with TLS and users.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.docker.test_compose import FOLDER, SERVICES
from tests.secure.database import SecureDatabase

pytestmark = pytest.mark.long

SECONDS = 60
"""Limit of a call, which takes two."""

ROOT = {"createUser": "root", "pwd": "secret of root", "roles": ["root"]}
"""Made by the image of MongoDB, from the environment."""


def run_mongosh(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    mongosh = shutil.which("mongosh")
    assert mongosh, "put mongosh on PATH"
    return subprocess.run(
        [mongosh, "--quiet", *words],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class ScriptedDatabase(SecureDatabase):
    """A database whose worker is made by `user.js`."""

    def create_users(self, url: str) -> None:
        with MongoClient[dict[str, object]](url) as client:
            client["admin"].command(ROOT)
        script = str(FOLDER / "mongo/user.js")
        done = run_mongosh(url, "--file", script, HOME=str(self.folder), MONGO_PASSWORD="right")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedDatabase]:
    with ScriptedDatabase.running(tmp_path_factory.mktemp("database")) as own:
        yield own


def is_healthy(database: ScriptedDatabase, password: str) -> bool:
    """Run the health check of compose.yaml against another address, with another folder of certificates."""
    elsewhere = {
        "mongo": f"127.0.0.1:{database.port}",
        "/certificates/ca.pem": str(database.folder / "ca.pem"),
        "/health.js": str(FOLDER / "mongo/health.js"),
    }
    kind, program, quiet, *words = SERVICES["mongo"]["healthcheck"]["test"]
    assert (kind, program, quiet) == ("CMD", "mongosh", "--quiet")
    root = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": password}
    moved = [elsewhere.get(word, word) for word in words]
    return run_mongosh(*moved, HOME=str(database.folder), **root).returncode == 0


def test_the_worker_may_use_its_own_database_and_no_other(database: ScriptedDatabase) -> None:
    with MongoClient[dict[str, object]](database.settings().mongo_url.get_secret_value()) as worker:
        worker["iss"]["readings"].insert_one({"_id": 1})
        worker["iss"].command({"collMod": "readings", "validationLevel": "strict"})

        with pytest.raises(OperationFailure, match="not authorized"):
            worker["other"]["readings"].insert_one({"_id": 1})


def test_the_health_check_answers_for_a_database_that_takes_writes_from_its_users(
    database: ScriptedDatabase,
) -> None:
    assert is_healthy(database, "secret of root")
    assert not is_healthy(database, "wrong")


def test_a_database_that_is_away_is_not_healthy(tmp_path: Path) -> None:
    absent = ScriptedDatabase(tmp_path)
    absent._certify()

    assert not is_healthy(absent, "secret of root")
