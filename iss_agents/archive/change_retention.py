"""`iss-agents retention`: compares the retentions in force with those asked for, and applies the latter."""

from datetime import UTC, datetime
from typing import NamedTuple

from iss_agents.archive.mongo import maintenance_database
from iss_agents.archive.retention import Retention, apply, count_older, retentions
from iss_agents.config.settings import Settings


class Older(NamedTuple):
    """A retention, and how many documents are older than the one asked for allows."""

    retention: Retention
    documents: int


async def compare(settings: Settings) -> list[Older]:
    """Return each retention, with the number of documents that the one asked for would delete.

    Raises:
        UserError: MongoDB does not answer.
    """
    now = datetime.now(UTC)
    async with maintenance_database(settings) as database:
        found = await retentions(database, settings)
        return [Older(each, await count_older(database, each, now)) for each in found]


async def change(settings: Settings) -> None:
    """Apply the retentions asked for.

    Raises:
        UserError: MongoDB does not answer.
    """
    async with maintenance_database(settings, socket_ms=None) as database:
        found = await retentions(database, settings)
        await apply(database, [each for each in found if each.asked != each.in_force])
