"""Whether MongoDB answers, is new enough, and repeats a write that a change of its primary interrupts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from iss_agents.archive.database import Database, DatabaseAway, away_if_it_fails, connect
from iss_agents.doctor.findings import Finding, NotLookedAt, failing, ok, warning
from iss_agents.errors import UserError
from iss_agents.settings import Settings

LEAST_VERSION = (5, 0)
"""The first that knows `$dateTrunc`, with which uses are counted by the day."""


async def check(settings: Settings) -> list[Finding]:
    """Return whether MongoDB can be used with these settings."""
    try:
        async with _connected(settings) as database:
            hello = await database.command("hello")
            built = await database.client.admin.command("buildInfo")
    except (DatabaseAway, UserError) as error:
        return [failing(f"{str(error).rstrip('.')}.")]
    version = tuple(built["versionArray"][:2])
    if version < LEAST_VERSION:
        return [failing(f"MongoDB is {built['version']} and must be 5.0 or newer: upgrade it.")]
    # A mongos has no name of a set, and only sets behind it.
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        return [
            warning(
                f"MongoDB {built['version']} is no replica set, so that the driver repeats no write which "
                "breaks off: start it with --replSet and call rs.initiate(), with one member too."
            )
        ]
    return [ok(f"MongoDB {built['version']} answers and is a replica set.")]


@asynccontextmanager
async def asked(settings: Settings) -> AsyncIterator[Database]:
    """Give the database for the length of the block.

    Raises:
        NotLookedAt: it does not answer.
    """
    try:
        async with _connected(settings) as database:
            yield database
    except (DatabaseAway, UserError) as error:
        raise NotLookedAt("MongoDB did not answer") from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    try:
        with away_if_it_fails():
            yield database
    finally:
        database.client.close()
