"""Readings of a simulated week: the recording of six hours, played again and again by all items of the station.

Item i plays one of the 23 recorded items, begins at a place of its own, and plays so slowly that all together
make 70 readings a second.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from bson.datetime_ms import DatetimeMS

from iss_agents.archive.documents import described, meaning
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import id_of
from iss_agents.simulator.playback import PERIOD, rows
from iss_agents.telemetry import catalog
from iss_agents.telemetry.records import SCHEMA_VERSION

START = 1_795_478_400_000
"""When the simulated time begins, in milliseconds since 1970: at an hour."""

LATENCY = 900
"""Milliseconds from measuring to ingest."""

PARTITIONS = 12


class Place(NamedTuple):
    """When a reading is measured, in milliseconds since 1970; numbers of its item and of the recorded row."""

    time: int
    item: int
    row: int


class Readings:
    """An endless sequence of readings in order of time; number 0 is measured at START."""

    def __init__(self, items: int, rate: float, *, random_ids: bool = False) -> None:
        self.items = sorted(catalog.items())[:items]
        self._is_random = random_ids
        self.lap = sum(len(recorded_streams()[self.stream_of(item)]) for item in range(items))
        self.period = int(self.lap / rate * 1000)
        self._slower = self.period / (PERIOD.total_seconds() * 1000)
        # Sorted as plain numbers: millions of tuples would take a gigabyte.
        self._order = array("Q", sorted(self._packed()))

    def stream_of(self, item: int) -> int:
        """Return which recorded item an item plays."""
        return item % len(recorded_streams())

    def phase(self, item: int) -> int:
        """Return when in the lap an item begins to play, in milliseconds."""
        return item * self.period // len(self.items)

    def stream(self, number: int) -> list[tuple[int, str]]:
        """Return what an item plays: the milliseconds after it began, and the value."""
        return [(int(offset * self._slower), value) for offset, value in recorded_streams()[number]]

    def _packed(self) -> Iterator[int]:
        for item in range(len(self.items)):
            phase = self.phase(item)
            for row, (offset, _) in enumerate(self.stream(self.stream_of(item))):
                yield (offset + phase) % self.period << 32 | item << 16 | row

    def place(self, number: int) -> Place:
        """Return a reading without its fields."""
        laps, place = divmod(number, self.lap)
        packed = self._order[place]
        return Place(START + laps * self.period + (packed >> 32), packed >> 16 & 0xFFFF, packed & 0xFFFF)

    def document(self, number: int) -> Document:
        """Return a reading as the archive stores it."""
        time, item, row = self.place(number)
        item_id, (_, value) = self.items[item], recorded_streams()[self.stream_of(item)][row]
        return {
            **self.indexed(number),
            **described(item_id),
            "value": value,
            **_meaning(item_id, value),
            "status_class": "24",
            "sequence": time,
            "source": "isslive",
            "snapshot": False,
            "session": START,
            "schema_version": SCHEMA_VERSION,
            "offset": number // PARTITIONS,
        }

    def indexed(self, number: int) -> Document:
        """Return what indexes have of a reading."""
        time, item, _ = self.place(number)
        return {
            "_id": self._identity(number, time),
            "item_id": self.items[item],
            "source_ts": DatetimeMS(time),
            "ingest_ts": DatetimeMS(time + LATENCY),
        }

    def _identity(self, number: int, time: int) -> bytes:
        digest = sha256(number.to_bytes(8, signed=True)).hexdigest()
        return bytes.fromhex(digest[:32]) if self._is_random else id_of(time, digest)


@cache
def recorded_streams() -> list[list[tuple[int, str]]]:
    """Return the readings of each recorded item: milliseconds after the start, and value."""
    streams = defaultdict[str, list[tuple[int, str]]](list)
    for row in rows():
        streams[row.item_id].append((int(row.offset.total_seconds() * 1000), row.value))
    return [streams[item_id] for item_id in sorted(streams)]


@cache
def _meaning(item_id: str, value: str) -> Document:
    return {name: found for name, found in meaning(item_id, value).items() if found is not None}
