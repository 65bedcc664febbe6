"""Salvage of a damaged spool: the rows that can still be read, whatever has happened to the other pages.

SQLite stops at the first corrupt page, and cannot reach a page whose parent is lost. But the rows of a table
are in its leaf pages, each of which can be read on its own; only values longer than a page continue in others.
So every page is read, in its newest version in the write-ahead log. The format is
https://sqlite.org/fileformat2.html.
"""

import os
import struct
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from iss_agents.feed.producer_record import ProducerRecord

PAGE_BYTES = 4096
TABLE_LEAF = 13
LEAF_HEADER = 8
MOST_ROWS = PAGE_BYTES // 20
"""Per page: our shortest row takes 20 bytes."""

COLUMNS = 6
"""Number, topic, partition, key, value, ingest_ts; the number is the row id, which is not stored as a
column."""

LONGEST_LOCAL, SHORTEST_LOCAL = PAGE_BYTES - 35, (PAGE_BYTES - 12) * 32 // 255 - 23
"""Bytes of a row that its leaf holds: all of a short row, at least this many of a long one."""

LONGEST_ROW = 16 << 20
LOG_HEADER, FRAME_HEADER = 32, 24
INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
"""Length of a value by its serial type; the other types are below."""

FLOAT, ZERO, ONE = 7, 8, 9
FIRST_BLOB = 12
"""From here on serial types alternate between blob and text, each pair a byte longer."""

MORE = 0x80
"""Set in each byte of a varint except the last."""

UNREADABLE = (IndexError, ValueError, OverflowError, struct.error)
"""Errors of bytes that are not a row; UnicodeDecodeError is a ValueError."""


class Row(NamedTuple):
    """A record and its number in the queue."""

    number: int
    record: ProducerRecord


class Salvage:
    """The intact rows of one file, in order. Writes nothing, and holds at most a page and a row in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        log = path.with_name(f"{path.name}-wal")
        self._log = log.open("rb", buffering=0) if log.exists() else None
        self._in_log = dict(_committed(self._log)) if self._log else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if self._log:
            self._log.close()

    def rows(self) -> Iterator[Row]:
        """Yield the readable rows in the order of the queue."""
        latest = 0
        for _, page in sorted(self._leaves()):
            for row in self._rows_of(self._page(page)):
                # An old copy of a page that SQLite has left behind has nothing new.
                if row.number > latest:
                    latest = row.number
                    yield row

    def _leaves(self) -> Iterator[tuple[int, int]]:
        """Yield the first number in each leaf, and its page."""
        in_file = os.fstat(self._file.fileno()).st_size // PAGE_BYTES
        # The first page holds the schema.
        for page in range(2, max(in_file, *self._in_log, 0) + 1):
            first = next(self._rows_of(self._page(page)), None)
            if first:
                yield first.number, page

    def _page(self, number: int) -> bytes:
        source, offset = self._file, (number - 1) * PAGE_BYTES
        if self._log and number in self._in_log:
            source, offset = self._log, self._in_log[number]
        try:
            return os.pread(source.fileno(), PAGE_BYTES, offset)
        except OSError:
            return b""

    def _rows_of(self, page: bytes) -> Iterator[Row]:
        if len(page) < PAGE_BYTES or page[0] != TABLE_LEAF:
            return
        count = min(_integer(page[3:5]), MOST_ROWS)
        for place in range(LEAF_HEADER, LEAF_HEADER + 2 * count, 2):
            try:
                row = self._row(page, _integer(page[place : place + 2]))
            except UNREADABLE:
                continue
            if row.number > 0 and row.record.is_plausible:
                yield row

    def _row(self, page: bytes, place: int) -> Row:
        size, place = _varint(page, place)
        number, place = _varint(page, place)
        if size > LONGEST_ROW:
            raise ValueError("longer than any of our rows")
        columns = _columns(self._payload(page, place, size))
        _, topic, partition, key, value, ingest_ts = columns
        # SQLite stores a whole number as an integer even in a REAL column.
        seconds = float(ingest_ts) if isinstance(ingest_ts, int) else ingest_ts
        return Row(number, ProducerRecord(topic, partition, key, value, seconds))

    def _payload(self, page: bytes, place: int, size: int) -> bytes:
        if size <= LONGEST_LOCAL:
            return page[place : place + size]
        local = SHORTEST_LOCAL + (size - SHORTEST_LOCAL) % (PAGE_BYTES - 4)
        local = local if local <= LONGEST_LOCAL else SHORTEST_LOCAL
        payload = bytearray(page[place : place + local])
        overflow = _integer(page[place + local : place + local + 4])
        while len(payload) < size:
            more = self._page(overflow)
            if len(more) < PAGE_BYTES:
                raise ValueError("a page of a long row is missing")
            overflow = _integer(more[:4])
            payload += more[4 : 4 + size - len(payload)]
        return bytes(payload)


def _committed(log: FileIO) -> Iterator[tuple[int, int]]:
    """Yield page and offset of every frame that belongs to a committed transaction, oldest first."""
    salts = os.pread(log.fileno(), 8, 16)
    waiting: list[tuple[int, int]] = []
    for offset in range(LOG_HEADER, os.fstat(log.fileno()).st_size - PAGE_BYTES, FRAME_HEADER + PAGE_BYTES):
        header = os.pread(log.fileno(), FRAME_HEADER, offset)
        page, committed_pages = struct.unpack_from(">II", header)
        if header[8:16] != salts:
            return  # left over from an earlier, longer log
        waiting.append((page, offset + FRAME_HEADER))
        if committed_pages:
            yield from waiting
            waiting.clear()


def _columns(payload: bytes) -> list[Any]:
    header, place = _varint(payload, 0)
    kinds = []
    while place < header:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    if len(kinds) != COLUMNS:
        raise ValueError("a row of another table")
    columns = []
    for kind in kinds:
        length = _length(kind)
        columns.append(_value(kind, payload[place : place + length]))
        place += length
    if place != len(payload):
        raise ValueError("its length is not that of its columns")
    return columns


def _length(kind: int) -> int:
    if kind < len(INTEGER_BYTES):
        return INTEGER_BYTES[kind]
    return 8 if kind == FLOAT else max(0, (kind - FIRST_BLOB) // 2)


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind in {ZERO, ONE}:
        return kind - ZERO
    if kind == FLOAT:
        (number,) = struct.unpack(">d", data)
        return number
    if kind < len(INTEGER_BYTES):
        return int.from_bytes(data, signed=True)
    return data.decode() if kind % 2 else data


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a varint of one to nine bytes, most significant first, and the place after it."""
    number = 0
    for last in range(place, place + 8):
        number = number << 7 | data[last] & ~MORE
        if not data[last] & MORE:
            return number, last + 1
    return number << 8 | data[place + 8], place + 9


def _integer(data: bytes) -> int:
    return int.from_bytes(data)
