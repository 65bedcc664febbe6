"""Simulation of the archive's writes: batches of readings, rollups, expiry, and a checkpoint now and then."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Self

import bson
from bson.binary import UUID_SUBTYPE, Binary
from bson.datetime_ms import DatetimeMS
from bson.timestamp import Timestamp

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Document
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.hours import GRACE
from tests.tools.bench.disk.preload import FIRST_RECORD, ITEM_INDEX, preload
from tests.tools.bench.disk.readings import START, Readings
from tests.tools.bench.disk.rollups import Rollups
from tests.tools.bench.disk.server import Server
from tests.tools.bench.disk.storage import Collection, index_key, indexes_of

BATCH = 24
"""Readings that the archive writes at once: what comes in 0.35 s."""

ITEMS, RATE = 337, 70
"""Of the station: items, and their readings a second."""

CACHE, SMALL_CACHE = 208, 12
"""MB of the readings, and of each other collection: 256 as in docker/compose.yaml."""

COLLECTION_ID = Binary(bytes(range(16)), UUID_SUBTYPE)


class Plan(NamedTuple):
    """What is simulated: some of the items, with as small a part of the rate and of their cache.

    The index on item and time holds the readings of `retention`, all else those of `newest`: the other tables
    grow at one end and shrink at the other, so it does not matter how much is between.
    """

    items: int = 34
    retention: timedelta = timedelta(days=30)
    newest: timedelta = timedelta(minutes=30)
    server: Server = Server()
    random_ids: bool = False

    @property
    def part(self) -> float:
        """Part of the station that it is."""
        return self.items / ITEMS


class Figures(NamedTuple):
    """Bytes written so far: of each table; in all, without the journal; of the journal."""

    tables: dict[str, int]
    total: int
    journal: int

    def since(self, before: "Figures") -> "Figures":
        tables = {name: size - before.tables[name] for name, size in self.tables.items()}
        return Figures(tables, self.total - before.total, self.journal - before.journal)


class Simulation:
    """An archive that has stored readings before START; a context manager."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._plan, self._stack = plan, ExitStack()
        enter, server = self._stack.enter_context, plan.server
        self._readings = Readings(plan.items, RATE * plan.part, random_ids=plan.random_ids)
        indexes = indexes_of(READINGS.collection)
        self._stored = enter(Collection(folder / "readings", server, indexes, CACHE * plan.part, "zlib"))
        self._oplog = enter(Collection(folder / "oplog", server, (), SMALL_CACHE, is_logged=True))
        self._rollups = enter(Rollups(folder, server, self._readings, SMALL_CACHE))
        self._newest = int(plan.newest.total_seconds() * RATE * plan.part)
        self._laps = preload(self._stored, self._readings, plan.retention, self._newest)
        self._number = self._logged = 0
        self._time = self._checkpoint_at = START
        self._computing: Iterator[None] = iter(())
        self._rollups.mark(START - HOUR)
        self._rollups.mark(START)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, until: timedelta) -> None:
        """Simulate up to a time after START."""
        while self._time < START + _milliseconds(until):
            before, self._time = self._time, self._store_batch()
            self._roll_up(before)
            if self._time >= self._checkpoint_at:
                self._checkpoint_at += _milliseconds(self._plan.server.checkpoint)
                for collection in self._collections().values():
                    collection.checkpoint()

    def written(self) -> Figures:
        """Return what has been written so far."""
        totals = {name: collection.written() for name, collection in self._collections().items()}
        tables = {("_id",): self._stored.ids, **self._stored.indexes}
        indexes = {f"index on {', '.join(fields)}": table.written() for fields, table in tables.items()}
        documents = totals.pop(READINGS.collection) - sum(indexes.values())
        of_tables = {READINGS.collection: documents, **indexes, **totals}
        return Figures(of_tables, sum(of_tables.values()), self._oplog.journal())

    def entries(self) -> list[int]:
        """Return how many documents and keys of readings there are, in each table."""
        return [table.entries() for table in self._stored.tables()]

    def _collections(self) -> dict[str, Collection]:
        return {READINGS.collection: self._stored, "oplog": self._oplog, **self._rollups.collections}

    def _store_batch(self) -> int:
        """Store the next batch, and expire as many; return its time."""
        numbers = range(self._number, self._number + BATCH)
        documents = {FIRST_RECORD + number: self._readings.document(number) for number in numbers}
        self._stored.insert(documents)
        self._log("i", documents.values())
        self._expire(numbers)
        self._number = numbers.stop
        return self._readings.place(numbers[-1]).time

    def _expire(self, numbers: Sequence[int]) -> None:
        stored, older = self._stored, self._laps * self._readings.lap
        numbers_of_expired = (number - self._newest for number in numbers)
        expired = {FIRST_RECORD + number: self._readings.indexed(number) for number in numbers_of_expired}
        with stored.transaction():
            for number, (record, document) in zip(numbers, expired.items(), strict=True):
                stored.remove(record, document, other_than=ITEM_INDEX)
                oldest = self._readings.indexed(number - older)
                stored.indexes[ITEM_INDEX].remove(index_key(oldest, ITEM_INDEX, FIRST_RECORD + number - older))
        self._log("d", ({"_id": document["_id"]} for document in expired.values()))

    def _log(self, operation: str, documents: Iterable[Document]) -> None:
        """Append an entry to the oplog for each document, as MongoDB does for its replicas."""
        seconds = self._time // 1000
        entries = {}
        for document in documents:
            self._logged += 1
            entry = {
                "lsid": {"id": COLLECTION_ID, "uid": bytes(32)},
                "txnNumber": self._logged,
                "op": operation,
                "ns": "iss.readings",
                "ui": COLLECTION_ID,
                "o": document,
                "o2": {"_id": document["_id"]},
                "stmtId": 0,
                "ts": Timestamp(seconds, self._logged % 2**32),
                "t": 1,
                "v": 2,
                "wall": DatetimeMS(self._time),
                "prevOpTime": {"ts": Timestamp(0, 0), "t": -1},
            }
            entries[self._logged] = bson.encode(entry)
        self._oplog.append(entries)

    def _roll_up(self, before: int) -> None:
        """Mark an hour that begins, and compute one item of the hour that is over since GRACE."""
        if before // HOUR < self._time // HOUR:
            self._rollups.mark(self._time // HOUR * HOUR)
        closed = (self._time - GRACE) // HOUR * HOUR
        if (before - GRACE) // HOUR * HOUR < closed:
            self._computing = self._rollups.compute(closed - HOUR)
        next(self._computing, None)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
