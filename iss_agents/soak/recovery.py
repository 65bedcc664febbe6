"""How long it takes until what was given before a moment is shown and stored."""

from asyncio import gather
from collections.abc import Mapping
from typing import NamedTuple

from iss_agents.archive.database import Database, DatabaseAway, away_if_it_fails, connect
from iss_agents.soak.numbers import NUMBERED_ITEMS, Numbers
from iss_agents.soak.patience import until
from iss_agents.soak.system import System
from iss_agents.soak.worker import Worker
from iss_agents.topics import partition_for

PROBES = tuple({partition_for(item): item for item in NUMBERED_ITEMS}.values())
"""One item of each partition: an order that holds for the partition holds for all its items."""

LONGEST_SECONDS = 600.0
"""MongoDB away for five minutes leaves 150,000 readings; the embedded database takes as long again for them."""


class Recovery(NamedTuple):
    """Seconds until everything that had been given was shown by a worker, and was in MongoDB."""

    shown: float
    stored: float


async def recovery(system: System, numbers: Numbers) -> Recovery:
    """Return how long it takes from now.

    Raises:
        UserError: longer than `LONGEST_SECONDS`.
    """
    last = numbers.last()
    probes = {item: last[item] for item in PROBES if item in last}
    database = connect(system.settings)
    try:
        shown, stored = await gather(
            until("a worker shows all", lambda: _all_shown(system, last), LONGEST_SECONDS),
            until("MongoDB has all", lambda: _all_stored(database, numbers, probes), LONGEST_SECONDS),
        )
    finally:
        database.client.close()
    return Recovery(shown, stored)


async def _all_shown(system: System, last: Mapping[str, int]) -> bool:
    for worker in system.workers.values():
        if worker.program.running and await _shows(worker, last):
            return True
    return False


async def _shows(worker: Worker, last: Mapping[str, int]) -> bool:
    document = await worker.document("/api/v1/items")
    if not document or "items" not in document:
        return False
    values = {item["item_id"]: item["value"] for item in document["items"]}
    return all(int(values[item] or 0) >= count for item, count in last.items())


async def _all_stored(database: Database, numbers: Numbers, probes: dict[str, int]) -> bool:
    for item, count in list(probes.items()):
        question = {"item_id": item, "source_ts": numbers.time_of(item, count)}
        try:
            with away_if_it_fails():
                found = await database["readings"].find_one(question, {"_id": 1})
        except DatabaseAway:
            return False
        if not found:
            return False
        del probes[item]
    return True
