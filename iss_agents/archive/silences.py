"""How long there are no readings: what the hours of items say, of which there are few.

Hours stay for years after their readings have expired. Of those so old, only such count whose readings came
late.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from iss_agents.archive.catch_up import caught_up
from iss_agents.archive.database import Database, Document, TooSlow, away_if_it_fails
from iss_agents.archive.hours import LATE, SUMMARIES
from iss_agents.archive.windows import Leap

QUESTION_MS = 2_000

YOUNG = timedelta(hours=1)
"""What is younger is looked at: a reading is stored a moment before its hour is marked."""

HOUR = timedelta(hours=1)

ALL = [{"stale": False}, {"stale": True}]
"""Matches every hour, in the two parts that an index serves."""


def leap_of(database: Database, items: Sequence[str], retention: timedelta) -> Leap:
    """Return what steps over silences of these items, or of all if none is named.

    Readings expire `retention` after they came in.
    """
    matches: list[Document] = [{"item_id": item} for item in items] or ALL
    late: list[Document] = [{"late": True, **match} for match in matches] if items else [{"late": True}]

    async def leap(time: datetime) -> datetime:
        if not await caught_up(database, QUESTION_MS):
            return time
        try:
            now = datetime.now(UTC)
            first = max(time, now - retention - LATE - HOUR)
            firsts = [await _first_hour(database, match, first) for match in matches]
            alive = {"$or": [{"stale": True}, {"summarised_at": {"$gte": now - retention}}]}
            firsts += [await _first_hour(database, match | alive, time) for match in late]
        except TooSlow:
            return time
        return max(time, min(*firsts, now - YOUNG))

    return leap


async def _first_hour(database: Database, match: Document, time: datetime) -> datetime:
    """Return the first hour with readings that is not over at `time`, or the end of time."""
    after = {**match, "hour": {"$gt": time - HOUR}}
    question = database[SUMMARIES].find(after, {"hour": 1}).sort("hour", 1).limit(1)
    with away_if_it_fails():
        found = await question.max_time_ms(QUESTION_MS).to_list(None)
    first: datetime = found[0]["hour"] if found else datetime.max.replace(tzinfo=UTC)
    return first
