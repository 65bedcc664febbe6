"""Backfill: marks the days of hours that a worker of an earlier version computed, which marks no days.

Once for each database it goes through the hours that are there, from the oldest day to the newest. From then
on it looks for hours that were computed by an earlier version that still runs, or was run once more.
It can stop at any point: marking a day again changes no answer.
"""

import logging
from datetime import datetime, timedelta

from iss_agents.archive.mongo import Database, Document, QueryTimeoutError, mongo_errors
from iss_agents.archive.rollups.buckets import DAY
from iss_agents.archive.rollups.day_job import ONE_DAY
from iss_agents.archive.rollups.days import DAYS, Day, day_of, mark_days
from iss_agents.archive.rollups.due import QUERY_MS
from iss_agents.archive.rollups.empty_spans import end_of_empty
from iss_agents.archive.rollups.hours import SUMMARIES
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds

logger = logging.getLogger(__name__)

PROGRESS = "backfill"
"""`_id` of the progress document {until, end, checked}. The backfill is complete when `until` is `end`, both
starts of days. Hours computed after `checked` may be those of an earlier version."""

COMPUTED = {"stale": False}
"""Filter for hours. A dirty one marks its day when it is computed."""

COMPUTED_WITH = dict.fromkeys(("item_id", "hour", "marks", "day_marks"), 1)

MARGIN = timedelta(minutes=15)
"""How much earlier than `checked` hours are checked again: longer than the clocks of two machines differ. They
are checked about as often."""


async def begin(database: Database, now: datetime) -> None:
    """Create the progress document: whoever computes an hour from now on marks its day.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    end = from_milliseconds(milliseconds(now) // DAY * DAY) + ONE_DAY
    with mongo_errors():
        bounds = {"until": EPOCH, "end": end, "checked": now}
        await database[DAYS].update_one({"_id": PROGRESS}, {"$setOnInsert": bounds}, upsert=True)


async def mark_next_day(database: Database) -> bool:
    """Mark the next day with hours, of all series; return False if nothing is left.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer; the call can be repeated.
    """
    with mongo_errors():
        progress = await database[DAYS].find_one({"_id": PROGRESS})
    if progress is None or progress["until"] >= progress["end"]:
        return False
    start, end = progress["until"], progress["end"]
    series = await _series(database, start)
    await mark_days(database, {day_of(one, start) for one in series})
    until = start + ONE_DAY if series else await end_of_empty(database, COMPUTED, start + ONE_DAY, end)
    with mongo_errors():
        await database[DAYS].update_one({"_id": PROGRESS}, {"$max": {"until": until}})
    if until >= end:
        logger.info("the days of all hourly rollups are marked")
    elif series and start.day == 1:
        logger.info("days are marked up to %s, of those before %s", start.date(), end.date())
    return True


async def check_next_hours(database: Database, now: datetime) -> bool:
    """Mark days of which an earlier version computed hours, in the next period; return False if none is due.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer; the call can be repeated.
    """
    with mongo_errors():
        progress = await database[DAYS].find_one({"_id": PROGRESS})
    if progress is None or now - progress["checked"] < MARGIN:
        return False
    checked, unmarked = await _unmarked_since(database, progress["checked"], now)
    await mark_days(database, unmarked)
    with mongo_errors():
        await database[DAYS].update_one({"_id": PROGRESS}, {"$max": {"checked": checked}})
    return True


async def _unmarked_since(database: Database, checked: datetime, now: datetime) -> tuple[datetime, set[Day]]:
    """Return the end of the next period, and the days of which hours were computed in it that marked none."""
    length = ONE_DAY
    while True:
        end = min(checked + length, now)
        try:
            hours = await _computed_between(database, checked - MARGIN, end)
        except QueryTimeoutError:
            if length < MARGIN:
                raise
            length /= 4
        else:
            return end, {day_of(hour["item_id"], hour["hour"]) for hour in hours if _is_unmarked(hour)}


async def _computed_between(database: Database, start: datetime, end: datetime) -> list[Document]:
    period = {"summarised_at": {"$gte": start, "$lt": end}}
    with mongo_errors():
        return await database[SUMMARIES].find(period, COMPUTED_WITH, max_time_ms=QUERY_MS).to_list(None)


def _is_unmarked(hour: Document) -> bool:
    # A document edited by hand may lack what identifies it.
    is_sound = isinstance(hour.get("item_id"), str) and isinstance(hour.get("hour"), datetime)
    return is_sound and hour.get("day_marks") != hour.get("marks")


async def _series(database: Database, start: datetime) -> set[str]:
    within = {**COMPUTED, "hour": {"$gte": start, "$lt": start + ONE_DAY}}
    with mongo_errors():
        found = await database[SUMMARIES].find(within, {"item_id": 1}, max_time_ms=QUERY_MS).to_list(None)
    return {hour["item_id"] for hour in found if isinstance(hour.get("item_id"), str)}
