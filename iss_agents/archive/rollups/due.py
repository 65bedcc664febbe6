"""Due rollups: dirty documents of hours or days that are over, and no longer rest."""

from datetime import datetime
from itertools import count

from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.rollups.hours import SUMMARIES, closed_before
from iss_agents.telemetry.station_clock import from_milliseconds

AT_ONCE = 1000
"""Hours of one round: three for each item."""

QUERY_MS = 5_000

MALFORMED = (KeyError, TypeError, ValueError, OverflowError)
"""What a document edited by hand raises if a field is missing or malformed."""


def is_due(rollup: Document, now: datetime) -> bool:
    """Return whether a rollup no longer rests; one edited by hand that names no item never does."""
    try:
        return isinstance(rollup["item_id"], str) and rollup.get("rests_until", now) <= now
    except MALFORMED:
        return False


async def stale_hours(database: Database, now: datetime) -> list[Document]:
    """Return closed dirty hours whose `rests_until` has passed, AT_ONCE at most.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    within = {"stale": True, "hour": {"$lt": from_milliseconds(closed_before(now))}}
    found: list[Document] = []
    for skipped in count(0, AT_ONCE):
        page = database[SUMMARIES].find(within, skip=skipped, limit=AT_ONCE, max_time_ms=QUERY_MS)
        with mongo_errors():
            hours = await page.to_list(None)
        # Not part of the query: with it the embedded database would use no index.
        found += [hour for hour in hours if is_due(hour, now)]
        if len(found) >= AT_ONCE or len(hours) < AT_ONCE:
            break
    return found[:AT_ONCE]
