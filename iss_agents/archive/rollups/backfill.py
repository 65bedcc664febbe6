"""Backfill: marks the hours of readings stored before rollups existed as dirty, once for each database."""

from contextlib import aclosing
from datetime import datetime

from iss_agents.archive.cursor import Position
from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, mongo_errors
from iss_agents.archive.rollups.hours import SUMMARIES, hours_of, mark
from iss_agents.archive.scan import WindowScan

PROGRESS = "catch-up"
"""`_id` of the progress document {until, end}, both ingest times; complete when they are equal."""


async def is_complete(database: Database, milliseconds: int) -> bool:
    """Return whether every reading's hour has been marked, or will be before its offset is committed.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer within `milliseconds`.
    """
    with mongo_errors():
        progress = await database[SUMMARIES].find_one({"_id": PROGRESS}, max_time_ms=milliseconds)
    return progress is not None and progress["until"] >= progress["end"]


async def begin(database: Database, now: datetime) -> None:
    """Create the progress document: hours of readings from `now` on are marked by the archive itself.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        # Checked first: to find the first reading, the embedded database reads all of them (20 us each).
        if await database[SUMMARIES].find_one({"_id": PROGRESS}):
            return
        earlier = {"ingest_ts": {"$lt": now}}
        first = await database[READINGS.collection].find_one(earlier, sort=[("ingest_ts", 1)])
        bounds = {"until": first["ingest_ts"] if first else now, "end": now}
        await database[SUMMARIES].update_one({"_id": PROGRESS}, {"$setOnInsert": bounds}, upsert=True)


async def mark_next_window(database: Database) -> bool:
    """Mark the hours of the next window with readings; return False if nothing is left.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer; the call can be repeated.
    """
    with mongo_errors():
        progress = await database[SUMMARIES].find_one({"_id": PROGRESS})
    if progress is None:
        return False
    scan = WindowScan(database[READINGS.collection], [], progress["end"], "ingest_ts")
    async with aclosing(scan.windows(Position(progress["until"]))) as windows:
        async for window in windows:
            # A document edited by hand may have no valid sequence, and so no hour.
            whole = [each for each in window.documents if isinstance(each.get("sequence"), int)]
            await mark(database, hours_of(whole), progress["end"])
            reached = window.reached.time
            # Not inside a millisecond of several windows: the next call would start at its beginning for ever.
            if reached >= progress["end"] or (window.documents and reached > progress["until"]):
                await _reached(database, reached)
                return True
    return False


async def _reached(database: Database, time: datetime) -> None:
    with mongo_errors():
        await database[SUMMARIES].update_one({"_id": PROGRESS}, {"$max": {"until": time}})
