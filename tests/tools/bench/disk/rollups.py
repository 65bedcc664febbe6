"""Rollups of a simulated hour: marks, packed hours, hourly and daily documents, by the archive's own code."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path
from typing import Self

from bson.binary import Binary

from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.codec import pack
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, Bucket
from iss_agents.archive.rollups.day_hours import encoded
from iss_agents.archive.rollups.days import DAYS, day_of
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, summary_of, whole_of
from iss_agents.archive.rollups.minutes import MinuteAggregator
from iss_agents.telemetry.catalog import names_states
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.tools.bench.disk.readings import START, Readings
from tests.tools.bench.disk.server import Server
from tests.tools.bench.disk.sizes import reading
from tests.tools.bench.disk.storage import Collection, indexes_of

READINGS_A_SECOND = 6
"""Of a partition of Kafka."""


class Upserts:
    """A collection whose documents are written more than once, each under its `_id`."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._records = count(1)
        self._known: dict[str, tuple[int, Document]] = {}

    def upsert(self, identity: Document, change: Document) -> None:
        """Store a document, or change that with the same `_id`."""
        record, old = self._known.get(identity["_id"], (0, {}))
        new = {**identity, **old, **change}
        if record:
            self.collection.replace(record, old, new)
        else:
            record = next(self._records)
            self.collection.insert({record: new})
        self._known[identity["_id"]] = record, new

    def forget(self, identity: Document) -> None:
        """Forget a document that does not change any more."""
        del self._known[identity["_id"]]


class Rollups:
    """The collections that the rollup job writes; a context manager."""

    def __init__(self, folder: Path, server: Server, readings: Readings, cache_size: int) -> None:
        self._readings, self._stack = readings, ExitStack()
        names = (PACKED_HOURS, SUMMARIES, DAYS)
        self.collections = {
            name: self._stack.enter_context(Collection(folder / name, server, indexes_of(name), cache_size))
            for name in names
        }
        self._packed, self._summaries, self._days = map(Upserts, self.collections.values())
        self._content = cache(self._content_of)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mark(self, start: int) -> None:
        """Mark the hour from `start` of every item, as its first reading does."""
        rests_until = from_milliseconds(start + 2 * MINUTE)
        for item_id in self._readings.items:
            marked = {"stale": True, "marks": 1, "rests_until": rests_until}
            self._summaries.upsert(_identity(item_id, start), marked)

    def compute(self, start: int) -> Iterator[None]:
        """Pack and compute the hour from `start`, one item at each step."""
        for item, item_id in enumerate(self._readings.items):
            packed, summary = self._content(self._readings.stream_of(item), self._hour_of_lap(item, start))
            identity = _identity(item_id, start)
            self._packed.upsert(identity, packed)
            self._packed.forget(identity)
            self._mark_day(item, start, summary)
            self._summaries.upsert(identity, summary)
            self._summaries.forget(identity)
            yield

    def _mark_day(self, item: int, start: int, summary: Document) -> None:
        """Mark the day, and store it with its last hour, as if the whole day were like that one."""
        item_id, time = self._readings.items[item], from_milliseconds(start)
        day = day_of(item_id, time)
        identity = {"_id": day.name, "item_id": item_id, "day": from_milliseconds(day.start)}
        self._days.upsert(identity, {"stale": True, "marks": time.hour + 1})
        if start + HOUR == day.start + DAY:
            whole = {name: value for name, value in summary.items() if name != "minutes"}
            hours = encoded(list(self._hours_before(item, start + HOUR)), marks=24)
            self._days.upsert(
                identity, {**whole, "hours": hours, "source": "isslive", "lost": False, "gaps": b""}
            )
            self._days.forget(identity)

    def _hours_before(self, item: int, end: int) -> Iterator[Bucket]:
        for start in range(end - DAY, end, HOUR):
            _, summary = self._content(self._readings.stream_of(item), self._hour_of_lap(item, start))
            yield from whole_of({**summary, "hour": from_milliseconds(start)})

    def _hour_of_lap(self, item: int, start: int) -> int:
        return (start - START - self._readings.phase(item)) % self._readings.period // HOUR

    def _content_of(self, stream: int, hour: int) -> tuple[Document, Document]:
        """Return what is stored for the readings of a recorded item in an hour of the lap."""
        item_id, start = self._readings.items[stream], START + hour * HOUR
        documents = [
            reading(START + offset, item_id, value, offset * READINGS_A_SECOND // 1000)
            for offset, value in self._readings.stream(stream)
            if offset // HOUR == hour
        ]
        aggregator = MinuteAggregator(item_id, [], named=names_states(item_id))
        aggregator.add(documents)
        minutes = aggregator.minutes()
        summary = summary_of(minutes, from_milliseconds(start))
        counted = {"packed": len(documents), "day_marks": 1}
        return {
            "revision": 1,
            "count": len(documents),
            "readings": Binary(pack(item_id, documents)),
        }, summary | counted


def _identity(item_id: str, start: int) -> Document:
    return {"_id": Hour(item_id, start).name, "item_id": item_id, "hour": from_milliseconds(start)}
