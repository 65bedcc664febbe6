"""Computation of daily rollups: stale days that are over, from their hourly rollups."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic

from iss_agents.archive.mongo import (
    Database,
    DatabaseUnavailableError,
    Document,
    QueryTimeoutError,
    mongo_errors,
)
from iss_agents.archive.queries.gaps import Overlap, concerns, gaps_from, overlapping
from iss_agents.archive.rollups.buckets import DAY, HOUR
from iss_agents.archive.rollups.days import DAYS, rollup_of
from iss_agents.archive.rollups.due import MALFORMED, QUERY_MS, is_due
from iss_agents.archive.rollups.hours import SUMMARIES, closed_before
from iss_agents.archive.rollups.query import hour_parts
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import Gaps
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.series import TEST, is_test, item_of
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds, rfc3339

logger = logging.getLogger(__name__)

RETRY_DELAY = timedelta(minutes=10)
"""When a day is tried again whose hours are not all computed, or that MongoDB rejects."""

ONE_DAY = timedelta(days=1)

AT_ONCE = 1000
"""Days of one round: three for each item."""

MOST = 10_000
"""Days of one query: ten times as many as a day has of all items."""

WIDER, NARROWER = 4, 16
"""By what the span of a query grows, and shrinks if it holds too many days."""

WHICH = dict.fromkeys(("item_id", "day", "marks", "rests_until"), 1)

GapsOf = Callable[[str, Source], Gaps]
"""Returns the gaps of an item and a source."""


async def stale_days(database: Database, now: datetime) -> list[Document]:
    """Return stale days that are over and whose `rests_until` has passed, some of the newest, oldest first.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    end, width, found = from_milliseconds(closed_before(now) + HOUR - DAY), ONE_DAY, list[Document]()
    while end > EPOCH and len(found) < AT_ONCE:
        start = max(end - width, EPOCH)
        stale = await _stale_between(database, start, end)
        if stale is None:
            width = max(width / NARROWER, ONE_DAY)
            continue
        found += [day for day in stale if is_due(day, now)]
        end, width = start, WIDER * width
    return sorted(found, key=lambda day: day["day"])


async def _stale_between(database: Database, start: datetime, end: datetime) -> list[Document] | None:
    """Return stale days; None if they are too many for one query, as after a restore of some years."""
    within = {"stale": True, "day": {"$gte": start, "$lt": end}}
    # Not in pages: for each one the embedded database would read all that match.
    found = database[DAYS].find(within, WHICH, max_time_ms=QUERY_MS).limit(MOST)
    is_narrow = end - start <= ONE_DAY
    try:
        with mongo_errors():
            stale = await found.to_list(None)
    except QueryTimeoutError:
        if is_narrow:
            raise
        return None
    return stale if is_narrow or len(stale) < MOST else None


async def gaps_of_days(database: Database, days: Sequence[Document], feed_source: Source) -> GapsOf:
    """Return the gaps of some days, oldest first: one query for all days, because it reads all later gaps too.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    start, end = days[0]["day"], days[-1]["day"] + ONE_DAY
    sources = {source_of(day["item_id"], feed_source) for day in days}
    found = {source: await overlapping(database, Overlap(start, end, source), QUERY_MS) for source in sources}

    @cache
    def gaps_of(item_id: str, source: Source) -> Gaps:
        return gaps_from((gap for gap in found[source] if concerns(gap, item_id)), end)

    return gaps_of


def source_of(series: str, feed_source: Source) -> Source:
    """Return the source whose readings a series has."""
    return TEST if is_test(series) else feed_source


async def compute_or_postpone_day(database: Database, day: Document, source: Source, gaps: Gaps) -> bool:
    """Compute a day; if that is not possible yet, postpone it by RETRY_DELAY. Return whether it was computed.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    try:
        return await compute_day(database, day, source, gaps)
    except (DatabaseUnavailableError, *MALFORMED) as error:
        logger.warning("the rollup of %s is postponed: %r", day["_id"], error)
        await _postpone(database, day)
        return False


async def compute_day(database: Database, day: Document, source: Source, gaps: Gaps) -> bool:
    """Compute and store the rollup of a day; return False if an hour of it is dirty, or changed meanwhile.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    now, start = datetime.now(UTC), milliseconds(day["day"])
    hours = await _hours(database, day)
    if any(hour["stale"] for hour in hours):
        await _postpone(database, day)
        return False
    question = Question(item_of(day["item_id"]), source, start, start + DAY, DAY, start + DAY, gaps)
    parts = hour_parts(database, question, now, start + DAY, monotonic() + QUERY_MS / 1000)
    fine = [bucket async for part in parts for bucket in part.fine]
    rollup = {
        **rollup_of(question, fine, day["marks"]),
        "lost": any(hour.get("lost", False) for hour in hours),
        # It expires with the first of its hours.
        "summarised_at": min((hour.get("summarised_at", now) for hour in hours), default=now),
        "stale": False,
    }
    unchanged = {"_id": day["_id"], "marks": day["marks"], "stale": True}
    with mongo_errors():
        result = await database[DAYS].update_one(unchanged, {"$set": rollup})
    return bool(result.modified_count)


async def _hours(database: Database, day: Document) -> list[Document]:
    within = {"item_id": day["item_id"], "hour": {"$gte": day["day"], "$lt": day["day"] + ONE_DAY}}
    fields = {"stale": 1, "lost": 1, "summarised_at": 1}
    with mongo_errors():
        return await database[SUMMARIES].find(within, fields, max_time_ms=QUERY_MS).to_list(None)


async def _postpone(database: Database, day: Document) -> None:
    rests_until = datetime.now(UTC) + RETRY_DELAY
    logger.debug("the rollup of %s is postponed until %s", day["_id"], rfc3339(rests_until))
    with mongo_errors():
        await database[DAYS].update_one({"_id": day["_id"]}, {"$max": {"rests_until": rests_until}})
