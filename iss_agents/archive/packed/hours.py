"""Packed hours: the collection `packed_hours`, with one document per series and hour, named as in `summaries`.

    {_id: "NODE3000005|2026-11-24T02", item_id: "NODE3000005", hour, count: 41, revision: 2, readings: Binary}

They hold the same readings as the collection `readings`, in a tenth of the space, and are kept for years. An
hour only gains readings: what was packed stays, also when its documents have expired. `item_id` is the series,
such as `test|NODE3000005`. `revision` counts the changes.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo.errors import DuplicateKeyError

from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, RejectedError, mongo_errors
from iss_agents.archive.packed.codec import DamagedHourError, NewerHourError, pack, unpack
from iss_agents.archive.packed.unpacked import UnpackedHour
from iss_agents.archive.reading_id import reading_id
from iss_agents.archive.rollups.hours import Hour
from iss_agents.telemetry.series import item_of
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds

PACKED_HOURS = "packed_hours"

EXPIRED = "expired"
"""`_id` of the document {before}, see `note_expired`."""

ATTEMPTS = 10
"""How often a change is tried again that another process was quicker than."""


def unpacked(packed: Mapping[str, Any]) -> UnpackedHour:
    """Return the readings of a document of the collection.

    Raises:
        RejectedError: it is damaged, or a newer version has written it.
    """
    try:
        return unpack(item_of(packed["item_id"]), bytes(packed["readings"]))
    except NewerHourError as error:
        raise RejectedError(f"the packed hour {packed['_id']} was {error}") from error
    except (DamagedHourError, KeyError, TypeError) as error:
        raise RejectedError(f"the packed hour {packed['_id']} is damaged: {error}") from error


def union(known: Iterable[Document], readings: Iterable[Document]) -> list[Document]:
    """Return both, each reading once; a document of `readings` replaces the known one, which it may correct."""
    return list({identity_of(each): each for each in (*known, *readings)}.values())


async def add_readings(database: Database, hour: Hour, readings: Sequence[Document]) -> list[Document]:
    """Add documents to a packed hour; return all readings that it then holds.

    Raises:
        RejectedError: the packed hour is damaged.
        DatabaseUnavailableError: MongoDB did not answer; the call can be repeated.
    """
    for _ in range(ATTEMPTS):
        with mongo_errors():
            there = await database[PACKED_HOURS].find_one({"_id": hour.name})
        # In a thread: a full hour would block the event loop for a tenth of a second.
        changed, held = await asyncio.to_thread(_with, there, hour, readings)
        if changed is None or await _replaced(database, hour, there, changed):
            return held
    raise DatabaseUnavailableError(f"the packed hour {hour.name} is changed by others all the time")


async def note_expired(database: Database, before: datetime) -> None:
    """Note that readings measured before a time may be only packed, whatever the retention is from now on.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        await database[PACKED_HOURS].update_one({"_id": EXPIRED}, {"$max": {"before": before}}, upsert=True)


async def expired_before(database: Database) -> datetime:
    """Return the time that was noted, or 1970.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        noted = await database[PACKED_HOURS].find_one({"_id": EXPIRED})
    before: datetime = noted["before"] if noted else EPOCH
    return before


def _with(
    there: Document | None, hour: Hour, readings: Sequence[Document]
) -> tuple[Document | None, list[Document]]:
    """Return the new content of the document, None if nothing changes, and its readings."""
    held = union(unpacked(there).documents() if there else (), readings)
    packed = pack(item_of(hour.series), held)
    if not held or (there and bytes(there["readings"]) == packed):
        return None, held
    return {"count": len(held), "readings": Binary(packed)}, held


async def _replaced(database: Database, hour: Hour, there: Document | None, changed: Document) -> bool:
    """Store the content unless the document is no longer what was read; return whether it was stored."""
    collection = database[PACKED_HOURS]
    with mongo_errors():
        if there:
            seen = {"_id": hour.name, "revision": there["revision"]}
            result = await collection.update_one(seen, {"$set": changed, "$inc": {"revision": 1}})
            return bool(result.matched_count)
        identity = {"_id": hour.name, "item_id": hour.series, "hour": from_milliseconds(hour.start)}
        try:
            await collection.insert_one({**identity, "revision": 1, **changed})
        except DuplicateKeyError:
            return False
        return True


def identity_of(reading: Document) -> bytes:
    """Return what tells a reading from all others, in whichever form its document is stored."""
    identity = reading["_id"]
    if isinstance(identity, bytes):
        return identity
    # A document of version 1.
    source_ts: datetime = reading["source_ts"]
    return reading_id(source_ts, str(identity))
