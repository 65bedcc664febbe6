"""Text ids: earlier versions stored a reading under its event_id. None is stored again under its 16 bytes.

Such readings stay where they are, are read like all others, and leave by their expiry. While there may be some,
what may be one of them is looked up before it is written: it may be read again from Kafka, come from a backup,
or have been stored by a worker of an earlier version that still runs. Such a worker looks nothing up: what it
reads after this version has stored it, it stores once more, and `verify` reports that.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.hours import SUMMARIES

MARK = "text-ids"
"""`_id` of the document {since}, beside the rollups: when a database with such readings met this version."""

OVERLAP = timedelta(days=1)
"""How long after that workers of an earlier version may still store readings."""

ASKED_AT_ONCE = 100
"""Ids in one query. The embedded database takes 25 ms for 100 and 2.5 s for 1,000 (measured)."""


async def text_ids_until(database: Database) -> datetime | None:
    """Return the time of ingest before which readings may have text ids; None if no reading has one.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        mark = await database[SUMMARIES].find_one({"_id": MARK})
    return mark["since"] + OVERLAP if mark else None


async def note_text_ids(database: Database, now: datetime) -> datetime | None:
    """Note, once, that there are such readings; return what `text_ids_until` does.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer; the call can be repeated.
    """
    until = await text_ids_until(database)
    if until is None and await _begins_with_text(database):
        with mongo_errors():
            since = {"$setOnInsert": {"since": now}}
            await database[SUMMARIES].update_one({"_id": MARK}, since, upsert=True)
        until = await text_ids_until(database)
    return until


async def _begins_with_text(database: Database) -> bool:
    # The reading stored first: asked for any text, the embedded database would read all readings.
    with mongo_errors():
        first = await database[READINGS.collection].find_one({}, {"_id": 1})
    return first is not None and isinstance(first["_id"], str)


async def not_stored(database: Database, readings: Sequence[Document], until: datetime | None) -> list[int]:
    """Return the indexes of those readings that are not stored under a text id.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    if until is None:
        return list(range(len(readings)))
    names = [event_id_of(reading) if _may_be_old(reading, until) else None for reading in readings]
    stored = await _stored(database, [name for name in dict.fromkeys(names) if name is not None])
    return [index for index, name in enumerate(names) if name not in stored]


def _may_be_old(reading: Document, until: datetime) -> bool:
    came: Any = reading.get("ingest_ts")
    # A document edited by hand may have no valid one.
    return not isinstance(came, datetime) or came.astimezone(UTC) < until


async def _stored(database: Database, names: Sequence[str]) -> set[str]:
    stored: set[str] = set()
    for begin in range(0, len(names), ASKED_AT_ONCE):
        within = {"_id": {"$in": names[begin : begin + ASKED_AT_ONCE]}}
        with mongo_errors():
            found = await database[READINGS.collection].find(within, {"_id": 1}).to_list(None)
        stored |= {document["_id"] for document in found}
    return stored
