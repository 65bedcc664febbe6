"""The form of a backup: gzip of BSON documents, of which the first is a header and the last an end mark.

{"iss-agents backup": 1, made_at, expected: {readings: 31800, …}}
{"readings": {_id: …}}                       one for each document, as the database holds it
{"end": {readings: 31812, …}}                how many there are of each collection
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, Any, NamedTuple

import bson
import msgspec
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.hours import SUMMARIES
from iss_agents.errors import UserError

FORMAT = 1
MARK = "iss-agents backup"
END = "end"

COLLECTIONS = (*(row.collection for row in DESTINATIONS.values()), SUMMARIES)
"""In this order. An hour says which of its readings it holds, so hours come after all readings."""

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)

LARGEST_RECORD = 17 * 1024 * 1024
"""Bytes: MongoDB's largest document and a little for the name of its collection."""

SIZE_BYTES = 4


class Header(msgspec.Struct, frozen=True):
    """When a backup was begun, UTC, and about how many documents of each collection there were."""

    made_at: datetime
    expected: dict[str, int]


class Record(NamedTuple):
    """A document as the database holds it, byte by byte."""

    collection: str
    document: RawBSONDocument


class Damaged(Exception):  # noqa: N818 - says what happened
    """A file of ours is cut off, or is not what was written."""


class Writer:
    """Writes a backup. Only `end` makes it whole."""

    def __init__(self, file: GzipFile, header: Header) -> None:
        self.counts = Counter[str](dict.fromkeys(COLLECTIONS, 0))
        self._file = file
        self._put({MARK: FORMAT, **msgspec.structs.asdict(header)})

    def add(self, record: Record) -> None:
        """Write a document."""
        self._put({record.collection: record.document})
        self.counts[record.collection] += 1

    def end(self) -> None:
        """Write the end mark; nothing can be added after it."""
        self._put({END: dict(self.counts)})

    def _put(self, record: Mapping[str, Any]) -> None:
        self._file.write(bson.encode(record))


class Reader:
    """Reads a backup from its beginning, once.

    Raises:
        UserError: it is no backup, or that of a newer version.
    """

    def __init__(self, path: Path, file: GzipFile) -> None:
        self.header = _header(path, file)
        self.counts = Counter[str](dict.fromkeys(COLLECTIONS, 0))
        self._file = file

    def records(self) -> Iterator[Record]:
        """Yield every document.

        Raises:
            Damaged: there is no end mark, it does not agree with what came, or a byte is not as it was written.
        """
        while True:
            name, content = _one(self._file, RAW)
            if name == END:
                break
            if name not in COLLECTIONS:
                raise Damaged
            self.counts[name] += 1
            yield Record(name, content)
        if not self._ends_with(content):
            raise Damaged

    def _ends_with(self, counts: Any) -> bool:
        with _damaged_if_it_fails():
            agree = isinstance(counts, RawBSONDocument) and dict(counts) == dict(self.counts)
            # Only at its very end does gzip compare the checksum.
            return agree and self._file.read(1) == b""


@contextmanager
def opened(path: Path) -> Iterator[tuple[Reader, IO[bytes]]]:
    """Give what reads a backup, and the file, whose position says how far that is.

    Raises:
        UserError: the file cannot be read, is no backup, is of a newer version, or is damaged.
    """
    try:
        with path.open("rb") as file, GzipFile(fileobj=file) as content:
            yield Reader(path, content), file
    except Damaged as error:
        raise UserError(f"{path} is damaged or not whole: use another backup.") from error
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error.strerror or error}).") from error


def _header(path: Path, file: GzipFile) -> Header:
    try:
        first = dict(_items(file, AWARE))
        version, header = first.pop(MARK), msgspec.convert(first, Header)
    except (Damaged, KeyError, msgspec.ValidationError) as error:
        raise UserError(f"{path} is no backup by `iss-agents backup`.") from error
    if version != FORMAT or not header.expected.keys() <= set(COLLECTIONS):
        raise UserError(f"{path} is by a newer version of iss-agents: upgrade this one.")
    return header


def _one(file: GzipFile, options: CodecOptions[Any]) -> tuple[str, Any]:
    """Return the name and the content of the next record."""
    items = _items(file, options)
    if len(items) != 1:
        raise Damaged
    return items[0]


def _items(file: GzipFile, options: CodecOptions[Any]) -> list[tuple[str, Any]]:
    with _damaged_if_it_fails():
        prefix = file.read(SIZE_BYTES)
        size = int.from_bytes(prefix, "little")
        if not SIZE_BYTES < size <= LARGEST_RECORD:
            raise Damaged
        return list(bson.decode(prefix + file.read(size - SIZE_BYTES), options).items())


@contextmanager
def _damaged_if_it_fails() -> Iterator[None]:
    try:
        yield
    except (BSONError, EOFError, zlib.error, BadGzipFile) as error:
        raise Damaged from error
