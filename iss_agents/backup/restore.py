"""`restore`: the documents of a backup into the database, where what is there already stays as it is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, ReplaceOne

from iss_agents.archive.database import Database
from iss_agents.archive.destinations import GAPS, Operation
from iss_agents.archive.hours import SUMMARIES
from iss_agents.archive.indexes import prepare
from iss_agents.archive.writes import apply
from iss_agents.backup.form import COLLECTIONS, Record, opened
from iss_agents.backup.hours import make_anew
from iss_agents.backup.patience import patient_database
from iss_agents.backup.progress import shown
from iss_agents.settings import Settings

MOST_DOCUMENTS = 1000
MOST_BYTES = 4 * 1024 * 1024
"""What is written at once; a document may be larger alone."""

OFTEN = 1000
"""After so many documents it is shown how far the check is."""

NONE = dict.fromkeys(COLLECTIONS, 0)


@dataclass
class Restored:
    """What became of a backup's documents, by collection. `reasons`: why MongoDB refused the first of some."""

    made_at: datetime
    restored: Counter[str] = field(default_factory=lambda: Counter(NONE))
    kept: Counter[str] = field(default_factory=lambda: Counter(NONE))
    refused: Counter[str] = field(default_factory=lambda: Counter(NONE))
    reasons: dict[str, str] = field(default_factory=dict)


async def restore(settings: Settings, file: Path) -> Restored:
    """Store what the database lacks of a backup, and make missing indexes. It may run beside workers.

    The file is read twice: not one document is stored of a file that is not whole.

    Raises:
        UserError: see `opened`, or MongoDB is away; what was stored stays, and the call can be repeated.
    """
    total = _checked(file)
    async with patient_database(settings) as database:
        await prepare(database, settings)
        return await _restore(database, file, total)


def _checked(file: Path) -> int:
    """Return how many documents the file holds, all of which have been read."""
    with opened(file) as (reader, raw), shown("Checking the file", file.stat().st_size) as reached:
        for count, _ in enumerate(reader.records()):
            if not count % OFTEN:
                reached(raw.tell())
        return reader.counts.total()


async def _restore(database: Database, file: Path, total: int) -> Restored:
    with opened(file) as (reader, _), shown("Restoring", total) as reached:
        result = Restored(reader.header.made_at)
        for collection, documents in batches(reader.records()):
            await _store(database, collection, documents, result)
            reached(reader.counts.total())
    return result


async def _store(
    database: Database, collection: str, documents: Sequence[RawBSONDocument], result: Restored
) -> None:
    written = await apply(database, collection, [_operation(collection, each) for each in documents])
    if collection == SUMMARIES and written.duplicates:
        await make_anew(database, documents)
    result.restored[collection] += written.stored
    result.kept[collection] += written.duplicates
    result.refused[collection] += len(written.refused)
    for reason in written.refused.values():
        result.reasons.setdefault(collection, reason)


def _operation(collection: str, document: Any) -> Operation:
    if collection == GAPS.collection and document["end"]:
        # It ends one that is open; upon one that has its end this is a duplicate, as an insertion would be.
        return ReplaceOne({"_id": document["_id"], "end": None}, document, upsert=True)
    return InsertOne(document)


def batches(records: Iterable[Record]) -> Iterator[tuple[str, list[RawBSONDocument]]]:
    """Yield documents as they are written at once: a collection, and some that belong there."""
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
