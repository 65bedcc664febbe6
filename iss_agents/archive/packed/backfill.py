"""Backfill: packs hours that were rolled up before there were packed hours, once for each database.

It goes from the oldest hour to the newest and marks nothing. It can stop at any point: packing an hour again
changes nothing. A day later it goes through all hours once more, because a worker of an earlier version that
still runs computes rollups and packs nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS, add_readings
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.empty_spans import end_of_empty
from iss_agents.archive.rollups.hours import LATE, SUMMARIES, Hour, closed_before
from iss_agents.telemetry.series import item_of, series_of
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds

PROGRESS = "backfill"
"""`_id` of the progress document {until, end, again}; complete when `until` is not before `end`, both hours.
From `again` on, it begins once more."""

OVERLAP = timedelta(days=1)
"""How long workers of an earlier version may still run."""

ONE_HOUR = timedelta(milliseconds=HOUR)

QUERY_MS = 5_000


class Due(NamedTuple):
    """Rollups of all series in the next hour that is to be packed, in the run of the backfill up to `end`."""

    rollups: list[Document]
    end: datetime


async def begin(database: Database, now: datetime) -> None:
    """Create the progress document: hours that close from `now` on are packed when they are rolled up.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    change = {"$setOnInsert": {**_bounds(now), "again": now + OVERLAP}}
    await _change(database, change, upsert=True)


async def begin_again(database: Database, now: datetime) -> None:
    """Let every hour be packed again: readings may have been stored whose hours are neither marked nor packed.

    A backfill that no worker has begun yet will pack them anyway.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    await _change(database, {"$set": _bounds(now)})


async def _change(database: Database, change: Document, *, upsert: bool = False) -> None:
    with mongo_errors():
        await database[PACKED_HOURS].update_one({"_id": PROGRESS}, change, upsert=upsert)


def _bounds(now: datetime) -> Document:
    return {"until": EPOCH, "end": from_milliseconds(closed_before(now))}


async def next_hours(database: Database, now: datetime) -> Due | None:
    """Return what is to be packed next; None if nothing is left.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        progress = await database[PACKED_HOURS].find_one({"_id": PROGRESS})
    if progress is None:
        return None
    if progress["until"] >= progress["end"]:
        if progress.get("again", now + OVERLAP) <= now:
            await _change(database, {"$set": _bounds(now), "$unset": {"again": ""}})
        return None
    until, end = progress["until"], progress["end"]
    # Of earlier hours only late readings can be left. A dirty hour is packed when its rollup is computed.
    kept = await kept_since(database, now) - LATE - ONE_HOUR
    spans = (({"late": True}, until, min(kept, end)), ({"stale": False}, max(until, kept), end))
    for match, start, bound in spans:
        if hours := await _first_hours(database, match, start, bound):
            return Due(hours, end)
    await reached(database, end, end)
    return None


async def _first_hours(database: Database, match: Document, start: datetime, end: datetime) -> list[Document]:
    # One hour at a time: asked for the first one of a span, the embedded database would read all of them.
    while start < end:
        within = {**match, "hour": {"$gte": start, "$lt": min(start + ONE_HOUR, end)}}
        found = database[SUMMARIES].find(within, {"item_id": 1, "hour": 1}, max_time_ms=QUERY_MS)
        with mongo_errors():
            if hours := await found.to_list(None):
                return hours
        start = await end_of_empty(database, match, start + ONE_HOUR, end)
    return []


async def pack(database: Database, rollup: Document) -> None:
    """Pack the documents of an item's hour, in the series that each belongs to.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer, or rejects it.
    """
    item_id, hour = item_of(rollup["item_id"]), rollup["hour"]
    within = {"item_id": item_id, "source_ts": {"$gte": hour, "$lt": hour + ONE_HOUR}}
    with mongo_errors():
        found = await database[READINGS.collection].find(within, max_time_ms=QUERY_MS).to_list(None)
    for series, documents in by_series(found).items():
        await add_readings(database, Hour(series, milliseconds(hour)), documents)


def by_series(readings: Iterable[Document]) -> dict[str, list[Document]]:
    """Return documents of the collection `readings` by their series."""
    found: defaultdict[str, list[Document]] = defaultdict(list)
    for reading in readings:
        found[series_of(reading["item_id"], reading.get("source"))].append(reading)
    return dict(found)


async def reached(database: Database, time: datetime, end: datetime) -> None:
    """Note that all hours before a time have been packed, unless the run up to `end` has been begun again.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        run = {"_id": PROGRESS, "end": end}
        await database[PACKED_HOURS].update_one(run, {"$max": {"until": time}})
