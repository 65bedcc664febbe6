"""`backup`: every document of the database into one file, which has its name only once it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from gzip import GzipFile
from pathlib import Path
from typing import IO, NamedTuple

from iss_agents.archive.database import Database, away_if_it_fails
from iss_agents.backup.form import COLLECTIONS, RAW, Header, Record, Writer
from iss_agents.backup.patience import patient_database
from iss_agents.backup.progress import Reached, shown
from iss_agents.settings import Settings
from iss_agents.terminal.partial import lock, part_of, require_absent, said_if_it_fails

AT_ONCE = 1000
"""Documents in one answer of the database."""


class Made(NamedTuple):
    """A finished backup: its documents by collection, and its size in bytes."""

    documents: dict[str, int]
    size: int


async def backup(settings: Settings, file: Path, *, force: bool) -> Made:
    """Write all documents to `file`; what is stored meanwhile may be among them or not.

    Raises:
        UserError: the file is there already (not with `force`) or cannot be written, or MongoDB is away.
            Nothing is left behind.
    """
    require_absent(file, force=force)
    with _part(file) as part:
        async with patient_database(settings) as database:
            documents = await _write(database, part)
        part.flush()
        os.fsync(part.fileno())
        require_absent(file, force=force)
        part_of(file).replace(file)
        return Made(documents, part.tell())


async def _write(database: Database, part: IO[bytes]) -> dict[str, int]:
    header = Header(datetime.now(UTC), await _expected(database))
    with GzipFile(fileobj=part, mode="wb") as content:
        writer = Writer(content, header)
        with shown("Writing", sum(header.expected.values())) as reached:
            for collection in COLLECTIONS:
                await _add(writer, database, collection, reached)
        writer.end()
    return dict(writer.counts)


async def _expected(database: Database) -> dict[str, int]:
    with away_if_it_fails():
        return {name: await database[name].estimated_document_count() for name in COLLECTIONS}


async def _add(writer: Writer, database: Database, collection: str, reached: Reached) -> None:
    found = database.get_collection(collection, codec_options=RAW).find({}, batch_size=AT_ONCE)
    with away_if_it_fails():
        async for document in found:
            writer.add(Record(collection, document))
            if not writer.counts[collection] % AT_ONCE:
                reached(writer.counts.total())


@contextmanager
def _part(file: Path) -> Iterator[IO[bytes]]:
    """Give the empty part of `file`; delete it if the block fails."""
    path = part_of(file)
    with said_if_it_fails(path), path.open("ab") as part:
        lock(part, file)
        part.truncate(0)
        try:
            yield part
        except BaseException:
            path.unlink(missing_ok=True)
            raise
