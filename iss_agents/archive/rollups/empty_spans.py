"""Spans without hours: a backfill begins in 1970, and goes over the years before the first hour at once."""

from datetime import datetime, timedelta

from iss_agents.archive.mongo import Database, Document, QueryTimeoutError, mongo_errors
from iss_agents.archive.rollups.hours import SUMMARIES

LENGTHS = (timedelta(days=365), timedelta(days=1))
"""Lengths of the spans that are searched, the longer ones first."""

SEARCH_MS = 500
"""How long one span is searched. The embedded database reads all hours of a span to find one of them."""


async def end_of_empty(database: Database, match: Document, start: datetime, end: datetime) -> datetime:
    """Return a time up to which no hour matches from `start` on: `start` itself if the next day has some.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    for length in LENGTHS:
        while start < end and await _is_empty(database, match, start, min(start + length, end)):
            start = min(start + length, end)
    return start


async def _is_empty(database: Database, match: Document, start: datetime, end: datetime) -> bool:
    within = {**match, "hour": {"$gte": start, "$lt": end}}
    some = database[SUMMARIES].find(within, {"_id": 1}, max_time_ms=SEARCH_MS).limit(1)
    try:
        with mongo_errors():
            return not await some.to_list(None)
    except QueryTimeoutError:
        return False
