"""Readings into buckets, by the database."""

from datetime import datetime
from typing import Any

from iss_agents.archive.buckets import Bucket
from iss_agents.archive.database import Database, Document, away_if_it_fails
from iss_agents.archive.destinations import READINGS

FOLD: Document = {
    "count": {"$sum": 1},
    "numbers": {"$sum": {"$cond": [{"$isNumber": "$number"}, 1, 0]}},
    "min": {"$min": "$number"},
    "max": {"$max": "$number"},
    "sum": {"$sum": "$number"},
    # Documents compare field by field: the greatest is the last reading.
    "last": {"$max": {"time": "$source_ts", "id": "$_id", "value": "$value"}},
}


async def fold(
    database: Database, item_id: str, start: datetime, end: datetime, width: int, milliseconds: int
) -> list[Bucket]:
    """Return the believed readings of an item in buckets of `width` ms, which take `milliseconds` at most.

    `start` and `end` are whole milliseconds.

    Raises:
        DatabaseAway: MongoDB did not answer in time.
    """
    pipeline = _pipeline(item_id, start, end, width)
    with away_if_it_fails():
        found = database[READINGS.collection].aggregate(pipeline, maxTimeMS=milliseconds)
        return [_bucket(document) for document in await found.to_list(None)]


def _pipeline(item_id: str, start: datetime, end: datetime, width: int) -> list[dict[str, Any]]:
    return [
        {"$match": {"item_id": item_id, "source_ts": {"$gte": start, "$lt": end}}},
        # Apart from what the index holds: the embedded database would not use it for both in one.
        {"$match": {"suspect": None}},
        {"$group": {"_id": {"$subtract": ["$sequence", {"$mod": ["$sequence", width]}]}, **FOLD}},
        {"$sort": {"_id": 1}},
    ]


def _bucket(document: Document) -> Bucket:
    start, last = int(document.pop("_id")), document.pop("last")
    return Bucket(start=start, last=last["value"], **document)
