"""Faults of the database's writes, on order; the database must have been started with `faults`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from iss_agents.archive.database import Database, connect
from iss_agents.settings import Settings

WRITES = ("insert", "update")

SLOW = {"blockConnection": True, "blockTimeMS": 2_000}
"""Each write takes two seconds."""

NOT_PRIMARY = {"errorCode": 10107}
"""What the members of a replica set say while they elect a primary."""


@asynccontextmanager
async def failing_writes(database: Database, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Let every write fail in this way, for the length of the block."""
    admin = database.client.admin
    data = {"failCommands": WRITES, **fault}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
    try:
        yield
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@asynccontextmanager
async def ailing_database(settings: Settings, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Do the same to the database of these settings."""
    database = connect(settings)
    try:
        async with failing_writes(database, fault):
            yield
    finally:
        database.client.close()
