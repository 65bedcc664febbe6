"""Something of everything that the database can hold, and how it is looked at."""

from datetime import UTC, datetime

import bson
from bson.decimal128 import Decimal128
from bson.int64 import Int64

from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.packed.hours import add_readings
from iss_agents.archive.reading_id import reading_id
from iss_agents.archive.rollups.hours import hours_of
from iss_agents.tools.backup.file_format import COLLECTIONS, RAW
from tests.archive.kafka import numbered_readings
from tests.versions.examples import documents

READINGS = 2_345
"""More than are read, or written, at once."""

TYPES = {
    "_id": "types",
    "seen_at": datetime(2026, 8, 11, 12, 0, 0, 123_000, UTC),
    "wide": Int64(1),
    "narrow": 1,
    "float": 1.0,
    "decimal": Decimal128("1.10"),
    "bytes": b"\x00\xff",
    "none": None,
    "nested": {"list": [1, "2", {"three": bson.ObjectId()}], "pattern": bson.Regex("a+", "i")},
    "bounds": [bson.MinKey(), bson.MaxKey(), bson.Timestamp(1, 2)],
}


async def fill(database: Database) -> None:
    """Store every kind of document, and more readings than fit into one answer."""
    kinds = documents()
    await database.readings.insert_many([kinds["reading"], kinds["reading-plain"], *numbered(READINGS)])
    await database.gaps.insert_many([kinds["gap"], {**kinds["gap"], "_id": "open", "end": None}])
    await database.events.insert_one(kinds["use"])
    await database.posts.insert_one(kinds["decision"])
    await database.invalid.insert_many([kinds["invalid"], TYPES])
    [hour] = hours_of([kinds["reading"]])
    await add_readings(database, hour, [kinds["reading"]])
    await database.summaries.insert_many([kinds["hour"], {"_id": "catch-up", "until": 1, "end": 2}])


def numbered(count: int) -> list[Document]:
    return [
        {
            "_id": reading_id(one.source_ts, one.event_id),
            "item_id": one.item_id,
            "source_ts": one.source_ts,
            "ingest_ts": one.ingest_ts,
        }
        for one in numbered_readings(count)
    ]


async def contents(database: Database) -> dict[str, dict[str, bytes]]:
    """Return the bytes of every document: collection -> id -> BSON, of readings in any order of fields."""
    found = {
        name: {
            document["_id"]: document.raw
            async for document in database.get_collection(name, codec_options=RAW).find({})
        }
        for name in COLLECTIONS
    }
    # A packed reading does not know the order that somebody gave the fields of its document.
    return {**found, "readings": {name: in_order(raw) for name, raw in found["readings"].items()}}


def in_order(document: bytes) -> bytes:
    return bson.encode(dict(sorted(bson.decode(document).items())))
