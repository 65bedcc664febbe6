"""Gap queries: gaps that overlap a span, in order of their start.

Every such gap ended after the span began, or is open. So an index on `end` finds what a span up to now needs,
however many gaps there were before it. The other conditions are checked here: with one of them in the query the
embedded database would use no index.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from heapq import nsmallest
from typing import NamedTuple

from iss_agents.archive.cursor import Position
from iss_agents.archive.destinations import GAPS
from iss_agents.archive.gap_ends import with_end
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.rollups.weighting import Gaps
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.shards import shards_with
from iss_agents.telemetry.station_clock import ceiling, milliseconds


class Overlap(NamedTuple):
    """Query for the gaps of a source that overlap a span, and affect the item if one is given."""

    start: datetime
    end: datetime
    source: Source
    item_id: str | None = None


async def overlapping(database: Database, query: Overlap, query_ms: int) -> list[Document]:
    """Return the gaps, in order of their start; open ones have no end.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    return sorted([gap async for gap in _found(database, query, query_ms)], key=_order)


def gaps_from(documents: Iterable[Document], end: datetime) -> Gaps:
    """Return gaps as spans; open ones last until `end`."""
    return Gaps((milliseconds(gap["start"]), milliseconds(gap["end"] or end)) for gap in documents)


async def page_of_gaps(
    database: Database, query: Overlap, after: Position | None, limit: int, query_ms: int
) -> list[Document]:
    """Return the first `limit` gaps after a position; memory is that of two pages.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    gaps: list[Document] = []
    async for gap in _found(database, query, query_ms):
        if after is None or _order(gap) > (after.time, after.id):
            gaps.append(gap)
        if len(gaps) > 2 * limit:
            gaps = nsmallest(limit, gaps, _order)
    return nsmallest(limit, gaps, _order)


async def _found(database: Database, query: Overlap, query_ms: int) -> AsyncIterator[Document]:
    still_open = await _open(database, query_ms)
    for gap in still_open:
        if _holds(query, gap):
            yield gap
    # The archive may end one in between.
    known = {gap["_id"] for gap in still_open}
    ended = database[GAPS.collection].find({"end": {"$gte": query.start}}, max_time_ms=query_ms)
    with mongo_errors():
        async for gap in ended:
            if gap["_id"] not in known and _holds(query, gap):
                yield gap


async def _open(database: Database, query_ms: int) -> list[Document]:
    with mongo_errors():
        found = await database[GAPS.collection].find({"end": None}, max_time_ms=query_ms).to_list(None)
    # A gap may have been written by hand. The archive may not have ended all that killed workers left open.
    return await with_end(database, [{"end": None, **gap} for gap in found], query_ms)


def _holds(query: Overlap, gap: Document) -> bool:
    start = gap.get("start")
    if gap.get("source") != query.source or not isinstance(start, datetime) or start >= ceiling(query.end):
        return False
    is_there = gap["end"] is None or gap["end"] > query.start or start >= ceiling(query.start)
    return is_there and (query.item_id is None or concerns(gap, query.item_id))


def concerns(gap: Document, item_id: str) -> bool:
    """Return whether a gap affects an item."""
    if gap.get("item_id") not in {None, item_id}:
        return False
    shard = gap.get("shard")
    return gap.get("cause") == "los" or shard is None or shard in map(str, shards_with(item_id))


def _order(gap: Document) -> tuple[datetime, str]:
    return gap["start"], gap["_id"]
