"""What is said of a database that ends and starts again."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from iss_agents.archive.mongo import Database, DatabaseUnavailableError, connect, mongo_errors, ping
from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database as EmbeddedDatabase
from iss_agents.local_stack.ports import free_port

pytestmark = pytest.mark.long

WAITS = {
    "configureFailPoint": "failCommand",
    "mode": {"times": 1},
    "data": {"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 60_000},
}
"""The next question is answered late."""


async def question(database: Database) -> str:
    """Ask something that waits; return what is said of the failure."""
    try:
        with mongo_errors():
            await database.papers.find_one()
    except DatabaseUnavailableError as error:
        return str(error)
    return "answered"


async def sayings(database: Database) -> list[str]:
    """Ask until there is an answer; return what is said meanwhile."""
    said: list[str] = []
    while True:
        try:
            await ping(database)
        except DatabaseUnavailableError as error:
            said.append(str(error))
        else:
            return said


async def test_a_database_that_is_killed_and_started_again_is_no_reason_to_correct_its_address(
    tmp_path: Path,
) -> None:
    embedded = EmbeddedDatabase(tmp_path, free_port(), faults=True)
    program = embedded.start()
    database = connect(Settings(mongo_url=SecretStr(embedded.url)))
    try:
        program.wait_until(embedded.ready)
        await ping(database)
        await database.client.admin.command(WAITS)
        waiting = asyncio.create_task(question(database))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)

        program.kill()
        said = [await waiting]
        program.start()
        said += await sayings(database)
    finally:
        database.client.close()
        program.stop()

    assert said[0].startswith("MongoDB has hung up and is asked again (")
    assert [sentence for sentence in said if "tls" in sentence.lower()] == []
