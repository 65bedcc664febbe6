"""MongoDB with TLS and users, by ISS_MONGO_URL alone: a real server, and each refusal in one sentence."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iss_agents.archive.mongo import DatabaseUnavailableError, connect, mongo_errors
from iss_agents.archive.retention import prepare
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.local_stack.ports import free_port
from tests.secure.database import SecureDatabase


@pytest.fixture(scope="module")
def secure_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureDatabase]:
    with SecureDatabase.running(tmp_path_factory.mktemp("secure_database")) as database:
        yield database


async def insert(settings: Settings) -> bool:
    database = connect(settings)
    try:
        with mongo_errors():
            return (await database["readings"].insert_one({"value": "37"})).acknowledged
    finally:
        database.client.close()


async def test_the_least_roles_write_and_change_how_long_readings_are_kept(
    secure_database: SecureDatabase,
) -> None:
    settings = secure_database.settings()
    database = connect(settings)
    for days in (7, 30):
        await prepare(database, settings.model_copy(update={"retention_days": days}))
    indexes = await database["readings"].index_information()
    database.client.close()

    assert 30 * 86400 in {index.get("expireAfterSeconds") for index in indexes.values()}
    assert await insert(secure_database.settings())


@pytest.mark.parametrize(
    ("user", "options", "sentence"),
    [
        ("worker:wrong@", None, r"^MongoDB refuses the user or the password; correct ISS_MONGO_URL"),
        ("", None, r"^MongoDB refuses the user or the password; correct ISS_MONGO_URL"),
        ("worker:right@", "&tls=true", r"^MongoDB's certificate is not trusted; correct tlsCAFile"),
        ("worker:right@", "", r"^MongoDB hangs up; if it wants TLS"),
    ],
)
async def test_each_refusal_is_a_sentence_that_names_the_variable(
    secure_database: SecureDatabase, user: str, options: str | None, sentence: str
) -> None:
    with pytest.raises(DatabaseUnavailableError, match=sentence) as failure:
        await insert(secure_database.settings(user, options))

    assert "right" not in str(failure.value)


def test_a_ca_file_that_cannot_be_read_is_a_sentence(secure_database: SecureDatabase) -> None:
    with pytest.raises(UserError, match=r"^ISS_MONGO_URL or ISS_MONGO_DATABASE cannot be used: .*/nowhere"):
        connect(secure_database.settings(options="&tls=true&tlsCAFile=/nowhere"))


@pytest.mark.long
def test_a_worker_whose_ca_file_cannot_be_read_ends_with_that_sentence_alone(
    secure_database: SecureDatabase, tmp_path: Path
) -> None:
    url = secure_database.settings(options="&tls=true&tlsCAFile=/nowhere").mongo_url.get_secret_value()
    settings = {"ISS_HOME": str(tmp_path), "ISS_MONGO_URL": url, "ISS_WEB_PORT": str(free_port())}
    command = [sys.executable, "-m", "faust", "-q", "-A", "iss_agents", "worker"]

    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "iss-agents: ISS_MONGO_URL or ISS_MONGO_DATABASE cannot be used" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
