"""Unpacked hour: the readings of a packed hour, field by field or as documents."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate, repeat

import bson
import msgspec
from bson.codec_options import CodecOptions

from iss_agents.archive.documents import described, meaning
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import AFTER_VALUE, STATUS, after_value_of, id_of
from iss_agents.telemetry.columns import Column, spread
from iss_agents.telemetry.records import hash_of
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds, rfc3339_of

Plain = str | bool | int | float | None

PLAIN = ("value", *STATUS, "source", "snapshot", "session", "suspect", "schema_version")
"""Fields that are stored as they are."""

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
    """Readings of an hour, in order. Fields and documents are made when asked for: an hour can hold many."""

    def __init__(self, item_id: str, columns: Columns) -> None:
        self._item_id = item_id
        self._times = array("q", accumulate(columns.times))
        self._delays = columns.delays
        self._offsets = list(_sums(columns.offsets))
        self._plain = {name: columns.plain[name] for name in PLAIN}
        self._rest = _decoded(columns.rest)
        sized: list[Column] = [self._delays, self._offsets, *self._plain.values()]
        for column in sized:
            if len(column) not in {1, len(self)}:
                raise ValueError(f"a column has {len(column)} values of {len(self)}")

    def __len__(self) -> int:
        return len(self._times)

    def rows(self, start: datetime, end: datetime) -> range:
        """Return the numbers of the readings of a span."""
        first, last = (bisect_left(self._times, milliseconds(time)) for time in (start, end))
        return range(first, max(first, last))

    def is_all_of(self, source: str) -> bool:
        """Return whether the columns alone tell every reading, and each is from this source."""
        return not self._rest and all(one == source for one in self._plain["source"])

    def documents(self, rows: range | None = None) -> Iterator[Document]:
        """Yield the documents of these readings, or of all."""
        rows = range(len(self)) if rows is None else rows
        for row, computed in zip(rows, self.computed(rows), strict=True):
            differing, absent = self._rest.get(row, ({}, ()))
            document = computed | differing if differing else computed
            for name in absent:
                del document[name]
            yield document

    def computed(self, rows: range) -> Iterator[Document]:
        """Yield the documents of readings by their columns alone, their fields in the order of the archive."""
        known = self.fields(rows)
        times, came, names = known["sequence"], known["ingest_ts"], known.pop("event_id")
        fields: dict[str, Column] = {
            "_id": [id_of(time, name) for time, name in zip(times, names, strict=True)],
            **known,
            "source_ts": [from_milliseconds(time) for time in times],
            "ingest_ts": [None if time is None else from_milliseconds(time) for time in came],
        }
        for values in zip(*(spread(column, len(rows)) for column in fields.values()), strict=True):
            yield {name: value for name, value in zip(fields, values, strict=True) if value is not None}

    def fields(self, rows: range) -> dict[str, Column]:
        """Return the fields of readings by their columns alone, None where a reading lacks one.

        `source_ts` and `ingest_ts` are milliseconds since 1970.
        """
        times, values = self._times[rows.start : rows.stop], _part(self._plain["value"], rows)
        plain = {name: _part(column, rows) for name, column in self._plain.items()}
        return {
            **{name: [value] for name, value in described(self._item_id).items()},
            "source_ts": times,
            "ingest_ts": _came(times, spread(_part(self._delays, rows), len(rows))),
            "value": values,
            **self._meaning(values),
            **{name: plain[name] for name in STATUS},
            "sequence": times,
            **plain,
            "offset": _part(self._offsets, rows),
            "event_id": self._event_ids(times, plain),
        }

    def _meaning(self, values: Column) -> dict[str, Column]:
        texts = [value if isinstance(value, str) else "" for value in values]
        known = {text: meaning(self._item_id, text) for text in set(texts)}
        return {name: [known[text][name] for text in texts] for name in ("number", "state")}

    def _event_ids(self, times: Sequence[int], plain: dict[str, Column]) -> list[str]:
        values = ["" if value is None else str(value) for value in plain["value"]]
        after = _after_values([plain[name] for name in AFTER_VALUE], len(times))
        texts = map(rfc3339_of, times)
        return list(map(hash_of, repeat(self._item_id), texts, spread(values, len(times)), after))


def _came(times: Iterable[int], delays: Iterable[int | None]) -> list[int | None]:
    return [None if delay is None else time + delay for time, delay in zip(times, delays, strict=True)]


def _part(column: Column, rows: range) -> Column:
    return column if len(column) == 1 else column[rows.start : rows.stop]


def _after_values(columns: Sequence[Column], count: int) -> Iterable[str]:
    if all(len(column) == 1 for column in columns):
        return repeat(_after_value([column[0] for column in columns]), count)
    return map(_after_value, zip(*(spread(column, count) for column in columns), strict=True))


def _after_value(values: Iterable[Plain]) -> str:
    known = {name: value for name, value in zip(AFTER_VALUE, values, strict=True) if value is not None}
    return after_value_of(known)


def _sums(differences: Column) -> Iterator[int | None]:
    """Yield the values of differences."""
    total = 0
    for difference in differences:
        total += difference or 0
        yield None if difference is None else total


def _decoded(rest: bytes) -> Rest:
    if not rest:
        return {}
    return {int(row): (differing, absent) for row, (differing, absent) in bson.decode(rest, AWARE).items()}
