"""Skip index over spans without readings, derived from the hourly rollups, of which there are few.

Rollups outlive their readings by years. Of rollups that old, only those count whose readings arrived late, or
are packed.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from iss_agents.archive.mongo import Database, Document, QueryTimeoutError, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups.backfill import is_complete
from iss_agents.archive.rollups.hours import LATE, SUMMARIES
from iss_agents.archive.scan import Skip
from iss_agents.telemetry.series import TEST, series_of

QUESTION_MS = 2_000

YOUNG = timedelta(hours=1)
"""Younger spans are always scanned: a reading is stored shortly before its hour is marked."""

HOUR = timedelta(hours=1)

NEVER = datetime.max.replace(tzinfo=UTC)

LATE_FIELDS = {"hour": 1, "item_id": 1, "stale": 1, "summarised_at": 1}

ALL = [{"stale": False}, {"stale": True}]
"""Matches every hour, as the two queries that an index serves."""


def skip_empty(database: Database, items: Sequence[str]) -> Skip:
    """Return a function that skips spans without readings of these items, or of all if `items` is empty.

    Readings of all sources count: earlier versions marked the hours of test readings as those of the item.
    """
    series = [series_of(item, source) for item in items for source in ("isslive", TEST)]
    matches: list[Document] = [{"item_id": each} for each in series] or ALL

    packed = matches if items else [{}]

    async def skip(time: datetime) -> datetime:
        if not await is_complete(database, QUESTION_MS):
            return time
        try:
            now = datetime.now(UTC)
            since = await kept_since(database, now)
            first = max(time, since - LATE - HOUR)
            firsts = [await _first_hour(database, SUMMARIES, match, first) for match in matches]
            firsts += [await _first_hour(database, PACKED_HOURS, match, time) for match in packed]
            firsts.append(await _first_late_hour(database, series, since, time))
        except QueryTimeoutError:
            return time
        return max(time, min(*firsts, now - YOUNG))

    return skip


async def _first_hour(database: Database, collection: str, match: Document, time: datetime) -> datetime:
    """Return the first hour with readings that ends after `time`, or NEVER."""
    after = {**match, "hour": {"$gt": time - HOUR}}
    question = database[collection].find(after, {"hour": 1}).sort("hour", 1).limit(1)
    with mongo_errors():
        found = await question.max_time_ms(QUESTION_MS).to_list(None)
    first: datetime = found[0]["hour"] if found else NEVER
    return first


async def _first_late_hour(
    database: Database, series: Collection[str], since: datetime, time: datetime
) -> datetime:
    """Return the first hour that ends after `time`, and some of whose late readings are still there."""
    after = {"late": True, "hour": {"$gt": time - HOUR}}
    found = database[SUMMARIES].find(after, LATE_FIELDS, max_time_ms=QUESTION_MS).sort("hour", 1)
    with mongo_errors():
        # The rest is not part of the query: with it the embedded database would use no index.
        async for late in found:
            is_alive = late.get("stale") or late.get("summarised_at", NEVER) >= since
            if is_alive and (not series or late.get("item_id") in series):
                first: datetime = late["hour"]
                return first
    return NEVER
