"""`backup`: writes the database to one file, which gets its name once it is complete.

It has every document, except those of readings that it has packed.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any, NamedTuple

from bson.raw_bson import RawBSONDocument

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, maintenance_database, mongo_errors
from iss_agents.archive.packed.hours import expired_before
from iss_agents.archive.retention import kept_since
from iss_agents.cli.resumable_file import lock, part_of, put_in_place, require_absent, said_if_it_fails
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH
from iss_agents.tools.backup.file_format import COLLECTIONS, RAW, Header, Record, Writer
from iss_agents.tools.backup.packed_copies import PackedCopies
from iss_agents.tools.backup.progress import Reached, shown

AT_ONCE = 1000
"""Documents per reply of the database."""


class Made(NamedTuple):
    """A finished backup: its documents by collection, and its size in bytes."""

    documents: dict[str, int]
    size: int


async def backup(settings: Settings, file: Path, *, force: bool) -> Made:
    """Write all documents to `file`; what is stored meanwhile may be among them or not.

    Raises:
        UserError: the file exists (without `force`) or cannot be written, or MongoDB is unavailable.
            Nothing is left behind.
    """
    require_absent(file, force=force)
    with _part(file) as part:
        async with maintenance_database(settings) as database:
            documents = await _write(database, part)
        part.flush()
        os.fsync(part.fileno())
        require_absent(file, force=force)
        put_in_place(part_of(file), file)
        return Made(documents, part.tell())


async def _write(database: Database, part: IO[bytes]) -> dict[str, int]:
    now = datetime.now(UTC)
    header = Header(now, await _expected(database), await _expired_before(database, now))
    copies = await PackedCopies.of(database, now, header.expired_before)
    with GzipFile(fileobj=part, mode="wb") as content:
        writer = Writer(content, header)
        with shown("Writing", sum(header.expected.values())) as reached:
            await _add_all(writer, database, copies, reached)
        writer.end()
    return dict(writer.counts)


async def _add_all(writer: Writer, database: Database, copies: PackedCopies, reached: Reached) -> None:
    done = 0
    for collection in COLLECTIONS:
        async for batch in _batches(database, collection):
            wanted = await copies.without(batch) if collection == READINGS.collection else batch
            for document in wanted:
                writer.add(Record(collection, document))
            done += len(batch)
            reached(done)
        if collection == READINGS.collection and copies.first:
            writer.omit(copies.first)


async def _expected(database: Database) -> dict[str, int]:
    with mongo_errors():
        return {name: await database[name].estimated_document_count() for name in COLLECTIONS}


async def _expired_before(database: Database, now: datetime) -> datetime | None:
    before = max(await kept_since(database, now), await expired_before(database))
    return before if before > EPOCH else None


async def _batches(database: Database, collection: str) -> AsyncIterator[list[RawBSONDocument]]:
    # The driver's types do not follow the class of documents.
    found: Any = database.get_collection(collection, codec_options=RAW).find({}, batch_size=AT_ONCE)
    while True:
        with mongo_errors():
            batch = await found.to_list(AT_ONCE)
        if not batch:
            return
        yield batch


@contextmanager
def _part(file: Path) -> Iterator[IO[bytes]]:
    """Yield the empty part of `file`; delete it if the block fails."""
    path = part_of(file)
    with said_if_it_fails(path), path.open("ab") as part:
        lock(part, file)
        part.truncate(0)
        try:
            yield part
        except BaseException:
            path.unlink(missing_ok=True)
            raise
