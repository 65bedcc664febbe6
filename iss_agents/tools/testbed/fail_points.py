"""Fail points: injected write faults of a database that was started with `faults`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from iss_agents.archive.mongo import Database, connect
from iss_agents.config.settings import Settings

WRITES = ("insert", "update")

SLOW = {"blockConnection": True, "blockTimeMS": 2_000}
"""Each write takes two seconds."""

NOT_PRIMARY = {"errorCode": 10107}
"""Error of a replica set's members while they elect a primary."""


@asynccontextmanager
async def failing_writes(database: Database, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Let every write fail in this way during the block."""
    admin = database.client.admin
    data = {"failCommands": WRITES, **fault}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
    try:
        yield
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@asynccontextmanager
async def failing_database(settings: Settings, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Do the same to the database of these settings."""
    database = connect(settings)
    try:
        async with failing_writes(database, fault):
            yield
    finally:
        database.client.close()
