"""Recovery time: how long until everything sent before a moment is shown and stored."""

from asyncio import gather
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import NamedTuple

from iss_agents.archive.mongo import Database, DatabaseUnavailableError, connect, mongo_errors
from iss_agents.telemetry.topics import partition_for
from iss_agents.tools.soak.station import StationLoad
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers
from iss_agents.tools.testbed.system import System
from iss_agents.tools.testbed.worker import Worker

PROBES = tuple({partition_for(item): item for item in NUMBERED_ITEMS}.values())
"""One item of each partition: what holds for one item holds for the whole partition."""

LONGEST_SECONDS = 600.0
"""Five minutes without MongoDB leave 150,000 readings; the embedded database needs as long again for them."""


class Recovery(NamedTuple):
    """Seconds until everything sent so far was shown by a worker, and was in MongoDB."""

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


async def station_recovery(system: System, station: StationLoad) -> float:
    """Return how long it takes until MongoDB has the last number of each item of the station, or a later one.

    Raises:
        UserError: longer than `LONGEST_SECONDS`.
    """
    last, began = dict(station.last()), monotonic()
    database = connect(system.settings)
    try:
        for item, number in last.items():
            await until(
                f"MongoDB has news of {item}",
                partial(_has_any_since, database, station, item, number),
                LONGEST_SECONDS,
            )
    finally:
        database.client.close()
    return monotonic() - began


async def _has_any_since(database: Database, station: StationLoad, item: str, first: int) -> bool:
    last = station.last()[item]
    # A few of them, at growing distances: some may be lost, and queries are costly while the archive lags.
    for number in (first, *(first + 2**power for power in range((last - first).bit_length()))):
        question = {"item_id": item, "source_ts": station.time_of(item, number), "value": str(number)}
        try:
            with mongo_errors():
                if await database["readings"].find_one(question, {"_id": 1}):
                    return True
        except DatabaseUnavailableError:
            return False
    return False


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
            with mongo_errors():
                found = await database["readings"].find_one(question, {"_id": 1})
        except DatabaseUnavailableError:
            return False
        if not found:
            return False
        del probes[item]
    return True
