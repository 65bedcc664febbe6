"""Minutes of a rollup, and which readings each includes, so that late readings are added exactly once.

A minute stores a checksum of the event_id of each of its readings, unless they stay packed for as long as they
can come again (see `reading_checksums.py`). While all of them still exist, the minute is computed again from
the readings. Once some have expired, only readings that it does not include are added: a
reading that is stored again, from Kafka or from a backup, changes nothing.

The checksums have 32 bits. In a minute of 60 readings, a late one is mistaken for another once in 70 million
times.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from zlib import crc32

from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.buckets import (
    MINUTE,
    Bucket,
    OrderedReading,
    bucket_of,
    joined,
    ordered_reading,
)
from iss_agents.archive.rollups.hours import minutes_of
from iss_agents.telemetry.series import TEST, is_test

WORD = "I"
"""`array` type code of an unsigned 32-bit number."""


ID_COLUMNS = frozenset({"ids", "last_at"})
"""Columns of an hour that identify the readings of its minutes."""


class Minute(Bucket, frozen=True):
    """A minute with the checksums of its readings; None if they were never stored or have been dropped."""

    ids: tuple[int, ...] | None = None
    last_at: int = 0
    """When the last reading was measured, in milliseconds since 1970."""


def minutes_with_ids(hour: Document) -> list[Minute]:
    """Return the minutes of an hour's rollup; empty if it was never computed."""
    buckets = minutes_of(hour)
    columns = hour.get("minutes", {})
    if "ids" not in columns:
        return [Minute(**_fields(bucket)) for bucket in buckets]
    ids = iter(array(WORD, columns["ids"]))
    return [
        _with_ids(bucket, tuple(islice(ids, bucket.count)), bucket.start + last_at)
        for bucket, last_at in zip(buckets, columns["last_at"], strict=True)
    ]


def id_columns(minutes: Sequence[Minute]) -> Document:
    """Return the ID_COLUMNS of an hour; empty unless every minute has its checksums."""
    ids = array(WORD)
    for minute in minutes:
        if minute.ids is None:
            return {}
        ids.extend(minute.ids)
    return {"ids": ids.tobytes(), "last_at": [minute.last_at - minute.start for minute in minutes]}


@dataclass
class _Readings:
    """Running aggregate of one minute."""

    ids: list[int] = field(default_factory=list)
    readings: list[OrderedReading] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.ids)

    def add(self, checksum: int, reading: OrderedReading) -> None:
        self.ids.append(checksum)
        self.readings.append(reading)

    def minute(self, start: int, *, named: bool) -> Minute:
        ordered = sorted(self.readings)
        bucket = bucket_of(ordered, start, start + MINUTE, named=named)
        return _with_ids(bucket, tuple(self.ids), ordered[-1].time)


class MinuteAggregator:
    """Aggregates the readings of an hour of a series, and its earlier rollup, into minutes.

    `named` says whether the numbers of the item name states.
    """

    def __init__(self, series: str, known: Iterable[Minute], *, named: bool) -> None:
        self.is_empty = True
        self._of_tests = is_test(series)
        self._named = named
        self._known = {minute.start: minute for minute in known}
        self._ids = {start: frozenset(minute.ids or ()) for start, minute in self._known.items()}
        self._again: defaultdict[int, _Readings] = defaultdict(_Readings)
        self._new: defaultdict[int, _Readings] = defaultdict(_Readings)

    def add(self, readings: Iterable[Document]) -> None:
        """Add those of the item's readings in the hour that belong to the series, in any order, each once."""
        for document in readings:
            self.is_empty = False
            reading = ordered_reading(document)
            if reading is None or self._of_tests != (document.get("source") == TEST):
                continue
            start = reading.time - reading.time % MINUTE
            checksum = crc32(event_id_of(document).encode(errors="surrogatepass"))
            into = self._again if checksum in self._ids.get(start, ()) else self._new
            into[start].add(checksum, reading)

    def minutes(self) -> list[Minute]:
        """Return the minutes with readings, in order."""
        starts = self._known.keys() | self._again.keys() | self._new.keys()
        return [self._minute(start) for start in sorted(starts)]

    def _minute(self, start: int) -> Minute:
        known = self._known.get(start)
        again, new = self._again.get(start, _Readings()), self._new.get(start, _Readings())
        there = [readings.minute(start, named=self._named) for readings in (again, new) if readings.count]
        if known is None or (known.ids is not None and again.count >= len(known.ids)):
            both = _Readings(again.ids + new.ids, again.readings + new.readings)
            return both.minute(start, named=self._named)
        if known.ids is None:
            # A minute loses readings only by expiry, so the one with fewer was computed after that.
            return max([*there, known], key=lambda minute: minute.count)
        return _sum([known, *there[-1:]]) if new.count else known


def _sum(minutes: Sequence[Minute]) -> Minute:
    first, *others = minutes
    for other in others:
        earlier, later = sorted((first, other), key=lambda minute: minute.last_at)
        bucket = joined(first.start, earlier, later)
        ids = (*(first.ids or ()), *(other.ids or ()))
        first = _with_ids(bucket, ids, later.last_at)
    return first


def _with_ids(bucket: Bucket, ids: tuple[int, ...], last_at: int) -> Minute:
    return Minute(**_fields(bucket), ids=ids, last_at=last_at)


def _fields(bucket: Bucket) -> dict[str, Any]:
    return {name: getattr(bucket, name) for name in Bucket.__struct_fields__}
