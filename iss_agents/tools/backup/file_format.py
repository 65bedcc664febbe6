"""File format of a backup: gzip of BSON documents, the first a header and the last an end mark.

{"iss-agents backup": 3, made_at, expected: {readings: 31800, …}}
{"readings": {_id: …}}                       one for each document, as the database holds it
{"omitted": {since}}                         after the readings: since when some are in packed hours only
{"end": {readings: 31812, …}}                how many there are of each collection

Of a reading that is packed as it is stored, the document is omitted.
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
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.rollups.hours import SUMMARIES
from iss_agents.errors import UserError
from iss_agents.telemetry.records import SCHEMA_VERSION

FORMAT = 3
READABLE = frozenset({1, 2, FORMAT})
"""In files of format 1 the `_id` of a reading is its event_id; the versions that wrote them read no other.
Files of formats 1 and 2 have all documents, later ones none of a reading that is packed as it is stored."""

MARK = "iss-agents backup"
END = "end"
OMITTED = "omitted"

COLLECTIONS = (*(row.collection for row in DESTINATIONS.values()), PACKED_HOURS, SUMMARIES)
"""In this order: rollups know which readings they include, so they come after all readings."""

# A document edited by hand may have a date that Python cannot represent: it stays milliseconds.
ANY_DATE = DatetimeConversion.DATETIME_AUTO
RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument, datetime_conversion=ANY_DATE)
AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, datetime_conversion=ANY_DATE)

LARGEST_RECORD = 17 * 1024 * 1024
"""Bytes: MongoDB's largest document and a little for the name of its collection."""

SIZE_BYTES = 4


class Header(msgspec.Struct, frozen=True):
    """When a backup was begun, UTC, and about how many documents each collection of the database had.

    Readings measured before `expired_before` may be only packed; None if all of them are documents.
    """

    made_at: datetime
    expected: dict[str, int]
    expired_before: datetime | None = None


class Record(NamedTuple):
    """A document as stored, byte by byte."""

    collection: str
    document: RawBSONDocument


class DamagedFileError(Exception):
    """A backup is truncated or corrupt."""


class Writer:
    """Writes a backup, which is complete only after `end`."""

    def __init__(self, file: GzipFile, header: Header) -> None:
        self.counts = Counter[str](dict.fromkeys(COLLECTIONS, 0))
        self._file = file
        self._put({MARK: FORMAT, **msgspec.structs.asdict(header)})

    def add(self, record: Record) -> None:
        """Write a document."""
        self._put({record.collection: record.document})
        self.counts[record.collection] += 1

    def omit(self, since: datetime) -> None:
        """Write that packed readings have been omitted, the first of which was measured at that time."""
        self._put({OMITTED: {"since": since}})

    def end(self) -> None:
        """Write the end mark; nothing can be added after it."""
        self._put({END: dict(self.counts)})

    def _put(self, record: Mapping[str, Any]) -> None:
        self._file.write(bson.encode(record))


class Reader:
    """Reads a backup from its beginning, once. `omitted_since` is known when all readings have been read.

    Raises:
        UserError: it is not a backup, or was written by a newer version.
    """

    def __init__(self, path: Path, file: GzipFile) -> None:
        self.header = _header(path, file)
        self.omitted_since: datetime | None = None
        self._path = path
        self.counts = Counter[str](dict.fromkeys(COLLECTIONS, 0))
        self._file = file

    def records(self) -> Iterator[Record]:
        """Yield every document.

        Raises:
            DamagedFileError: there is no end mark, it does not agree with what came, or a byte is not
                as it was written.
            UserError: a newer version wrote the document.
        """
        while True:
            name, content = _one(self._file, RAW)
            if name == END:
                break
            if name == OMITTED:
                self.omitted_since = _omitted_since(content)
                continue
            if name not in COLLECTIONS or not isinstance(content, RawBSONDocument):
                raise DamagedFileError
            if _schema_version(content) > SCHEMA_VERSION:
                raise _newer(self._path)
            self.counts[name] += 1
            yield Record(name, content)
        if not self._ends_with(content):
            raise DamagedFileError

    def _ends_with(self, counts: Any) -> bool:
        with _damaged_if_it_fails():
            # An older version did not count the collections that it did not know.
            known = dict.fromkeys(COLLECTIONS, 0)
            agree = isinstance(counts, RawBSONDocument) and known | dict(counts) == dict(self.counts)
            # Only at its very end does gzip compare the checksum.
            return agree and self._file.read(1) == b""


@contextmanager
def opened(path: Path) -> Iterator[tuple[Reader, IO[bytes]]]:
    """Yield the reader of a backup, and its file, whose position shows the progress.

    Raises:
        UserError: the file cannot be read, is not a backup, is from a newer version, or is damaged.
    """
    try:
        with path.open("rb") as file, GzipFile(fileobj=file) as content:
            yield Reader(path, content), file
    except DamagedFileError as error:
        raise UserError(f"{path} is damaged or incomplete: use another backup.") from error
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error.strerror or error}).") from error


def _header(path: Path, file: GzipFile) -> Header:
    try:
        first = dict(_items(file, AWARE))
        version, header = first.pop(MARK), msgspec.convert(first, Header)
    except (DamagedFileError, KeyError, msgspec.ValidationError) as error:
        raise UserError(f"{path} is not a backup made by `iss-agents backup`.") from error
    if version not in READABLE or not header.expected.keys() <= set(COLLECTIONS):
        raise _newer(path)
    return header


def _newer(path: Path) -> UserError:
    return UserError(f"{path} was written by a newer version of iss-agents: upgrade this one.")


def _omitted_since(content: Any) -> datetime:
    with _damaged_if_it_fails():
        since = bson.decode(content.raw, AWARE).get("since") if isinstance(content, RawBSONDocument) else None
    if not isinstance(since, datetime):
        raise DamagedFileError
    return since


def _schema_version(document: RawBSONDocument) -> int:
    with _damaged_if_it_fails():
        version = document.get("schema_version", 0)
    if not isinstance(version, int):
        raise DamagedFileError
    return version


def _one(file: GzipFile, options: CodecOptions[Any]) -> tuple[str, Any]:
    """Return the name and the content of the next record."""
    items = _items(file, options)
    if len(items) != 1:
        raise DamagedFileError
    return items[0]


def _items(file: GzipFile, options: CodecOptions[Any]) -> list[tuple[str, Any]]:
    with _damaged_if_it_fails():
        prefix = file.read(SIZE_BYTES)
        size = int.from_bytes(prefix, "little")
        if not SIZE_BYTES < size <= LARGEST_RECORD:
            raise DamagedFileError
        return list(bson.decode(prefix + file.read(size - SIZE_BYTES), options).items())


@contextmanager
def _damaged_if_it_fails() -> Iterator[None]:
    try:
        yield
    except (BSONError, EOFError, zlib.error, BadGzipFile) as error:
        raise DamagedFileError from error
