"""`restore`: stores the documents of a backup that the database lacks; existing ones are kept.

Readings that a backup has only packed become documents again where they were, so that all is found as before:
by its `_id` and by queries of the collection `readings` itself.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, ReplaceOne

from iss_agents.archive.bulk_write import apply
from iss_agents.archive.compression import create_readings
from iss_agents.archive.destinations import GAPS, READINGS, Operation
from iss_agents.archive.indexes import create_missing
from iss_agents.archive.mongo import Database, Document, RejectedError, maintenance_database
from iss_agents.archive.packed.backfill import ONE_HOUR, begin_again
from iss_agents.archive.packed.hours import PACKED_HOURS, note_expired, unpacked
from iss_agents.archive.reading_id import with_new_id
from iss_agents.archive.retention import kept_since, retentions
from iss_agents.archive.rollups.days import day_of, mark_days
from iss_agents.archive.rollups.hours import SUMMARIES
from iss_agents.archive.text_ids import not_stored, note_text_ids
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH
from iss_agents.tools.backup.file_format import AWARE, COLLECTIONS, Record, opened
from iss_agents.tools.backup.merge_packed import merge_packed
from iss_agents.tools.backup.merge_rollups import merge_rollups
from iss_agents.tools.backup.progress import shown

logger = logging.getLogger(__name__)

MOST_DOCUMENTS = 1000
MOST_BYTES = 4 * 1024 * 1024
"""Size of a batch; a single document may be larger."""

OFTEN = 1000
"""Documents between two updates of the progress bar."""

DAYS_REST = timedelta(hours=1)
"""How long no day is computed of which some hours have just been restored: longer than a batch takes."""

NONE = dict.fromkeys(COLLECTIONS, 0)


@dataclass
class Restored:
    """Outcome of a restore, by collection. `reasons`: why MongoDB rejected the first document of some.

    `kept_longer`: each retention of the database that is longer than the settings ask for, in words.
    `expiring`: the readings of the file that are older than the database keeps them.
    """

    made_at: datetime
    restored: Counter[str] = field(default_factory=lambda: Counter(NONE))
    kept: Counter[str] = field(default_factory=lambda: Counter(NONE))
    refused: Counter[str] = field(default_factory=lambda: Counter(NONE))
    reasons: dict[str, str] = field(default_factory=dict)
    kept_longer: list[str] = field(default_factory=list)
    expiring: int = 0


async def restore(settings: Settings, file: Path) -> Restored:
    """Store the documents that the database lacks, and create missing indexes; workers may be running.

    No expiry is changed or created: restored documents could be deleted within a minute.

    The file is read twice, so that nothing is stored of an incomplete file.

    Raises:
        UserError: see `opened`, or MongoDB is away; what was stored stays, and the call can be repeated.
    """
    total = _checked(file)
    async with maintenance_database(settings, socket_ms=None) as database:
        await create_readings(database)
        await create_missing(database)
    async with maintenance_database(settings) as database:
        result = await _restore(database, file, total)
        in_force = await retentions(database, settings)
        result.kept_longer = [each.difference for each in in_force if each.would_shorten]
        return result


def _checked(file: Path) -> int:
    """Read the whole file; return the number of its documents."""
    with opened(file) as (reader, raw), shown("Checking the file", file.stat().st_size) as reached:
        for count, _ in enumerate(reader.records()):
            if not count % OFTEN:
                reached(raw.tell())
        return reader.counts.total()


async def _restore(database: Database, file: Path, total: int) -> Restored:
    now = datetime.now(UTC)
    with opened(file) as (reader, _), shown("Restoring", total) as reached:
        result, before = Restored(reader.header.made_at), reader.header.expired_before or EPOCH
        if before > EPOCH:
            await note_expired(database, before)
        kept, text_ids = await kept_since(database, now), await note_text_ids(database, now)
        restoring = _Restoring(database, result, kept, text_ids)
        for collection, documents in batches(reader.records()):
            await restoring.store(collection, documents)
            if collection == PACKED_HOURS and (first := reader.omitted_since):
                await restoring.unpack(documents, max(first, before))
            reached(reader.counts.total())
        # Of some restored hours the backup may have the rollup, and not yet the packed readings.
        await begin_again(database, datetime.now(UTC))
    return result


@dataclass
class _Restoring:
    """Stores batches of documents, and counts them in `result`."""

    database: Database
    result: Restored
    kept: datetime
    text_ids: datetime | None

    async def store(self, collection: str, documents: Sequence[RawBSONDocument]) -> None:
        """Store a batch.

        Raises:
            DatabaseUnavailableError: some may be stored; the call can be repeated.
        """
        if collection == READINGS.collection:
            readings = [bson.decode(document.raw, AWARE) for document in documents]
            self.result.expiring += sum(_came_before(reading, self.kept) for reading in readings)
            await self._store_readings(readings)
        else:
            await self._store(collection, documents)

    async def unpack(self, hours: Sequence[RawBSONDocument], since: datetime) -> None:
        """Store documents of the readings in packed hours that end after a time; not those that would expire.

        Raises:
            DatabaseUnavailableError: some may be stored; the call can be repeated.
        """
        for document in hours:
            packed = bson.decode(document.raw, AWARE)
            # Some documents of the collection are not hours.
            if "hour" in packed and packed["hour"] + ONE_HOUR > since:
                # In a thread: a full hour would block the event loop for a tenth of a second.
                await self._store_readings(await asyncio.to_thread(self._documents_of, packed))

    async def _store_readings(self, documents: Sequence[Document]) -> None:
        readings = [with_new_id(document) for document in documents]
        indexes = await not_stored(self.database, readings, self.text_ids)
        await self._store(READINGS.collection, [readings[index] for index in indexes])
        self.result.kept[READINGS.collection] += len(readings) - len(indexes)

    def _documents_of(self, packed: Document) -> list[Document]:
        try:
            return [each for each in unpacked(packed).documents() if not _came_before(each, self.kept)]
        except RejectedError as error:
            logger.warning("Its readings do not become documents: %s", error)
            return []

    async def _store(self, collection: str, documents: Sequence[Any]) -> None:
        if collection == SUMMARIES:
            await _mark_days(self.database, documents)
        written = await apply(self.database, collection, documents, partial(_operation, collection))
        if collection == SUMMARIES and written.duplicates:
            await merge_rollups(self.database, documents)
        if collection == PACKED_HOURS and written.duplicates:
            await merge_packed(self.database, documents)
        self.result.restored[collection] += written.stored
        self.result.kept[collection] += written.duplicates
        self.result.refused[collection] += len(written.rejected)
        for reason in written.rejected.values():
            self.result.reasons.setdefault(collection, reason)


async def _mark_days(database: Database, hours: Sequence[RawBSONDocument]) -> None:
    # One document of the collection is not an hour: the progress of the backfill.
    whole = [
        hour
        for hour in hours
        if isinstance(hour.get("hour"), datetime) and isinstance(hour.get("item_id"), str)
    ]
    days = {day_of(hour["item_id"], hour["hour"].replace(tzinfo=UTC)) for hour in whole}
    await mark_days(database, days, datetime.now(UTC) + DAYS_REST)


def _came_before(reading: Document, time: datetime) -> bool:
    came = reading.get("ingest_ts")
    return isinstance(came, datetime) and came < time


def _operation(collection: str, document: Any) -> Operation:
    if collection == GAPS.collection and document.get("end"):
        # It closes an open gap; for a closed one this is a duplicate, like an insertion.
        return ReplaceOne({"_id": document["_id"], "end": None}, document, upsert=True)
    return InsertOne(document)


def batches(records: Iterable[Record]) -> Iterator[tuple[str, list[RawBSONDocument]]]:
    """Yield batches: a collection, and documents of it."""
    for collection, group in groupby(records, attrgetter("collection")):
        batch: list[RawBSONDocument] = []
        size = 0
        for record in group:
            batch.append(record.document)
            size += len(record.document.raw)
            if len(batch) == MOST_DOCUMENTS or size >= MOST_BYTES:
                yield collection, batch
                batch, size = [], 0
        if batch:
            yield collection, batch
