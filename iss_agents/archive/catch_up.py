"""Marks the hours of readings that were stored before hours were marked, once for a database."""

from contextlib import aclosing
from datetime import datetime, timedelta

from iss_agents.archive.database import Database, away_if_it_fails
from iss_agents.archive.destinations import READINGS
from iss_agents.archive.hours import SUMMARIES, hours_of, mark
from iss_agents.archive.places import Place
from iss_agents.archive.windows import Walk

PROGRESS = "catch-up"
"""`_id` of the document that says how far it is: {until, end}, times of ingest; done when they are equal."""


async def caught_up(database: Database, milliseconds: int) -> bool:
    """Return whether every reading's hour has been marked, or will be before its offset is committed.

    Raises:
        DatabaseAway: MongoDB did not answer within `milliseconds`.
    """
    with away_if_it_fails():
        progress = await database[SUMMARIES].find_one({"_id": PROGRESS}, max_time_ms=milliseconds)
    return progress is not None and progress["until"] >= progress["end"]


async def begin(database: Database, now: datetime, retention: timedelta) -> None:
    """Note that all that comes from `now` on is marked, unless that is known already.

    Raises:
        DatabaseAway: MongoDB did not answer.
    """
    with away_if_it_fails():
        # First of all: to find any one reading, the embedded database reads all of them (14 us each).
        if await database[SUMMARIES].find_one({"_id": PROGRESS}):
            return
        is_filled = await database[READINGS.collection].find_one({})
        bounds = {"until": now - retention if is_filled else now, "end": now}
        await database[SUMMARIES].update_one({"_id": PROGRESS}, {"$setOnInsert": bounds}, upsert=True)


async def go_on(database: Database) -> bool:
    """Mark the hours of one more window with readings; return False if there is none.

    Raises:
        DatabaseAway: MongoDB did not answer; the call can be repeated.
    """
    with away_if_it_fails():
        progress = await database[SUMMARIES].find_one({"_id": PROGRESS})
    if progress is None:
        return False
    walk = Walk(database[READINGS.collection], [], progress["end"], "ingest_ts")
    async with aclosing(walk.windows(Place(progress["until"]))) as windows:
        async for window in windows:
            await mark(database, hours_of(window.documents), progress["end"])
            reached = window.reached.time
            # Not within a millisecond, which may be several windows: it would be begun again for ever.
            if reached >= progress["end"] or (window.documents and reached > progress["until"]):
                await _reached(database, reached)
                return True
    return False


async def _reached(database: Database, time: datetime) -> None:
    with away_if_it_fails():
        await database[SUMMARIES].update_one({"_id": PROGRESS}, {"$max": {"until": time}})
