"""Columns of a packed hour: the readings field by field, which compresses to a tenth of the documents.

Times and offsets are stored as differences, because those repeat. A column whose values are all equal is stored
as that one value.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

import bson
import msgspec
from bson.codec_options import CodecOptions
from bson.int64 import Int64

from iss_agents.archive.documents import described, meaning
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import STATUS, computed_event_id, reading_id
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

Plain = str | bool | int | float | None

PLAIN = ("value", *STATUS, "source", "snapshot", "session", "suspect", "schema_version")
"""Fields that are stored as they are."""

PLAIN_TYPES = frozenset({str, bool, int, float})

SMALL = (1 << 31) - 1
"""Largest number that the driver stores in 32 bits."""

AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)

Rest = dict[int, tuple[Document, list[str]]]
"""Number of a reading -> fields that differ from what is computed of it, and fields that it lacks."""


class Columns(msgspec.Struct):
    """Content of a packed hour. `times` are in milliseconds, each after the one before, the first after 1970.

    `delays` is when each reading came in, in milliseconds after it was measured. `offsets` are differences too,
    to the offset before; None of a reading without one. `rest` is the BSON of a `Rest`, or empty.
    """

    times: list[int]
    delays: list[int | None]
    offsets: list[int | None]
    plain: dict[str, list[Plain]]
    rest: bytes = b""


class UnpackedHour:
    """Readings of an hour, in order. A document is made of one when it is asked for: an hour can hold many."""

    def __init__(self, item_id: str, columns: Columns) -> None:
        self._item_id = item_id
        self._times = array("q", accumulate(columns.times))
        self._delays = columns.delays
        self._offsets = list(_sums(columns.offsets))
        self._plain = [columns.plain[name] for name in PLAIN]
        self._rest = _decoded(columns.rest)
        sized: list[Sequence[Any]] = [self._delays, self._offsets, *self._plain]
        for column in sized:
            if len(column) not in {1, len(self)}:
                raise ValueError(f"a column has {len(column)} values of {len(self)}")

    def __len__(self) -> int:
        return len(self._times)

    def rows(self, start: datetime, end: datetime) -> range:
        """Return the numbers of the readings of a span."""
        first, last = (bisect_left(self._times, milliseconds(time)) for time in (start, end))
        return range(first, max(first, last))

    def documents(self, rows: range | None = None) -> Iterator[Document]:
        """Yield the documents of these readings, or of all."""
        for row in range(len(self)) if rows is None else rows:
            document = self.computed(row)
            differing, absent = self._rest.get(row, ({}, ()))
            document |= differing
            for name in absent:
                del document[name]
            yield document

    def computed(self, row: int) -> Document:
        """Return the document of a reading by its columns alone, its fields in the order of the archive."""
        time, delay, offset = self._times[row], _at(self._delays, row), _at(self._offsets, row)
        plain = {name: _at(column, row) for name, column in zip(PLAIN, self._plain, strict=True)}
        source_ts, value = from_milliseconds(time), plain["value"]
        document = {
            **described(self._item_id),
            "source_ts": source_ts,
            "ingest_ts": None if delay is None else from_milliseconds(time + delay),
            "value": value,
            **(meaning(self._item_id, value) if isinstance(value, str) else {}),
            **{name: plain[name] for name in STATUS},
            "sequence": time,
            **plain,
            "offset": offset,
        }
        document = {name: value for name, value in document.items() if value is not None}
        return {"_id": reading_id(source_ts, computed_event_id(document, source_ts)), **document}


def columns_of(item_id: str, readings: Sequence[Document]) -> Columns:
    """Return the columns of an item's readings, which are in order."""
    times = [milliseconds(reading["source_ts"]) for reading in readings]
    columns = Columns(
        times=list(_differences(times)),
        delays=_shortened([_delay(reading, time) for reading, time in zip(readings, times, strict=True)]),
        offsets=list(_differences([_offset(reading) for reading in readings])),
        plain={name: _shortened([_plain(reading, name) for reading in readings]) for name in PLAIN},
    )
    columns.rest = _encoded(_rest(UnpackedHour(item_id, columns), readings))
    return columns


def _rest(unpacked: UnpackedHour, readings: Sequence[Document]) -> Rest:
    rest: Rest = {}
    for row, reading in enumerate(readings):
        computed = unpacked.computed(row)
        if _is_event_id(reading["_id"], computed):
            computed["_id"] = reading["_id"]
        differing = {name: value for name, value in reading.items() if not _is_same(computed, name, value)}
        absent = [name for name in computed if name not in reading]
        if differing or absent:
            rest[row] = differing, absent
    return rest


def _is_event_id(identity: Any, computed: Mapping[str, Any]) -> bool:
    """Return whether an `_id` of version 1 stands for the same reading as the computed one."""
    return isinstance(identity, str) and identity == computed_event_id(computed, computed["source_ts"])


def _is_same(computed: Mapping[str, Any], name: str, value: Any) -> bool:
    # 1, 1.0 and true are equal to Python, and so are 0.0 and -0.0.
    if name not in computed or computed[name] != value or _type(computed[name]) is not _type(value):
        return False
    return not isinstance(value, float) or repr(value) == repr(computed[name])


def _type(value: Any) -> type:
    # The driver makes an Int64 of every large number; a small one was stored as such by hand.
    return int if isinstance(value, Int64) and abs(value) > SMALL else type(value)


def _plain(reading: Mapping[str, Any], name: str) -> Plain:
    value = reading.get(name)
    if _type(value) not in PLAIN_TYPES:
        return None
    return int(value) if isinstance(value, Int64) else value


def _delay(reading: Mapping[str, Any], time: int) -> int | None:
    came = reading.get("ingest_ts")
    return milliseconds(came) - time if isinstance(came, datetime) else None


def _offset(reading: Mapping[str, Any]) -> int | None:
    offset = reading.get("offset")
    return offset if _type(offset) is int else None


def _differences(values: Sequence[Any]) -> Iterator[Any]:
    """Yield each value less the last one before it that is not None, or 0."""
    before: Iterator[Any] = accumulate([0, *values], lambda last, value: last if value is None else value)
    for last, value in zip(before, values, strict=False):
        yield None if value is None else value - last


def _sums(differences: Sequence[int | None]) -> Iterator[int | None]:
    """Yield the values of differences."""
    total = 0
    for difference in differences:
        total += difference or 0
        yield None if difference is None else total


def _shortened(values: list[Any]) -> list[Any]:
    is_constant = all(type(value) is type(values[0]) and value == values[0] for value in values)
    return values[:1] if is_constant else values


def _at(column: Sequence[Any], row: int) -> Any:
    return column[row % len(column)]


def _encoded(rest: Rest) -> bytes:
    return bson.encode({f"{row}": list(each) for row, each in rest.items()}) if rest else b""


def _decoded(rest: bytes) -> Rest:
    if not rest:
        return {}
    return {int(row): (differing, absent) for row, (differing, absent) in bson.decode(rest, AWARE).items()}
