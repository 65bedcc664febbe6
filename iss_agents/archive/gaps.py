"""Which gaps concern a span and an item, and when one was over that a killed worker never ended."""

from collections.abc import Sequence
from datetime import datetime

from iss_agents.archive.database import Database, Document, away_if_it_fails
from iss_agents.archive.destinations import GAPS
from iss_agents.shard import Shard, shards_with
from iss_agents.station_clock import ceiling


def overlapping(start: datetime, end: datetime, item_id: str | None) -> Document:
    """Return what to ask for: gaps that overlap the span, and concern the item if one is given."""
    still_there = {"$or": [{"end": None}, {"end": {"$gt": start}}, {"start": {"$gte": ceiling(start)}}]}
    return {"start": {"$lt": ceiling(end)}, "$and": [still_there, *([_concerning(item_id)] if item_id else [])]}


def _concerning(item_id: str) -> Document:
    shards = [None, *map(str, shards_with(item_id))]
    return {"$or": [{"cause": "los"}, {"shard": {"$in": shards}}]}


async def ended(database: Database, gaps: Sequence[Document], start: datetime, query_ms: int) -> list[Document]:
    """Return the gaps with the ends that killed workers did not give them, without those over before `start`.

    Such a gap was over where the next feed began that took up what its own had, which a restart says.

    Raises:
        DatabaseAway: MongoDB did not answer in time.
    """
    beginnings = [gap["start"] for gap in gaps if gap["end"] is None]
    if not beginnings:
        return list(gaps)
    restarts = database[GAPS.collection].find({"cause": "restart", "start": {"$gte": min(beginnings)}})
    with away_if_it_fails():
        later = await restarts.sort([("start", 1), ("_id", 1)]).max_time_ms(query_ms).to_list(None)
    known = [gap if gap["end"] else {**gap, "end": _end(gap, later)} for gap in gaps]
    return [gap for gap in known if gap["end"] is None or gap["end"] > start or gap["start"] >= start]


def _end(gap: Document, restarts: Sequence[Document]) -> datetime | None:
    shard = _shard(gap)
    after = (
        restart["end"]
        for restart in restarts
        if restart["start"] >= gap["start"]
        and restart["source"] == gap["source"]
        and _shard(restart).replaces(shard)
    )
    return next(after, None)


def _shard(gap: Document) -> Shard:
    return Shard.of(gap.get("shard"))
