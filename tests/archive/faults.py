"""Faults of the database, on order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from iss_agents.archive.database import Database


@asynccontextmanager
async def failing_inserts(database: Database, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Let every insert fail in this way."""
    admin = database.client.admin
    data = {"failCommands": ["insert"], **fault}
    await admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
    try:
        yield
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
