"""Simulated station of a soak: numbers over a socket for a worker's feed, dated by a clock that may be wrong.

What the feed may lose is known: what lies in a recorded gap while the feed or the station was disturbed, what
was rejected while a clock was wrong, and what was in an overwritten part of a spool.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import NamedTuple

from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import Update, measured, signal
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.time_expressions import END
from iss_agents.telemetry.topics import partition_for
from iss_agents.tools.soak.completeness import Recorded
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS

LOST_BEFORE = timedelta(seconds=3)
"""How long before its end a killed feed may have received what is lost with it, plus a margin."""

ITEMS_OF_PARTITION = 4


Named = tuple[str, int]
"""Item and number."""


class Number(NamedTuple):
    """One measurement: when it was sent, and how the station's clock dated it."""

    sent: datetime
    dated: datetime


class StationClock:
    """The station's clock, which may be ahead, behind or stopped."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stands_at: datetime | None = None

    def read(self, now: datetime) -> datetime:
        """Return its time at `now`, in whole milliseconds."""
        time = self._stands_at or now + self._ahead
        return time.replace(microsecond=time.microsecond // 1000 * 1000)

    @contextmanager
    def ahead(self, ahead: timedelta) -> Iterator[None]:
        """Let the clock be wrong during the block."""
        self._ahead = ahead
        try:
            yield
        finally:
            self._ahead = timedelta()

    @contextmanager
    def standing(self, at: datetime) -> Iterator[None]:
        """Stop the clock during the block."""
        self._stands_at = at
        try:
            yield
        finally:
            self._stands_at = None


class Measurements:
    """What the station measures: one item after the other, `rate` times a second in all, and its clock.

    `numbers` are what it sent of each item; the value of the first is 1. Nothing is measured while `paused`.
    """

    def __init__(self, item_ids: Sequence[str], rate: float) -> None:
        self.clock = StationClock()
        self.numbers: dict[str, list[Number]] = {item: [] for item in item_ids}
        self.paused = False
        self._rate = rate
        self._items = cycle(item_ids)
        self._due = 0.0
        self._before: datetime | None = None

    def due(self, now: datetime) -> list[Update]:
        """Return what was measured since the last call, at the time of this one."""
        since, self._before = now - (self._before or now), now
        self._due += 0.0 if self.paused else since.total_seconds() * self._rate
        count = int(self._due)
        self._due -= count
        dated = self.clock.read(now)
        numbers = [self._measure(item, now, dated) for item in islice(self._items, count)]
        return [signal(dated.replace(microsecond=0)), *numbers]

    def _measure(self, item: str, now: datetime, dated: datetime) -> Update:
        numbers = self.numbers[item]
        numbers.append(Number(now, dated))
        return measured(item, dated, str(len(numbers)))


class Disturbance(NamedTuple):
    """A time in which readings may be lost; with `refused` some may also become dead letters."""

    start: datetime
    end: datetime
    refused: bool


class StationLoad:
    """The station and what the feed of `shard` may miss of it. `overwritten` was in damaged parts of spools."""

    def __init__(self, shard: Shard, rate: float) -> None:
        self.shard = shard
        self.overwritten: set[Named] = set()
        self.measurements = Measurements(_items_of(shard), rate)
        self.station = Station([self.measurements])
        self._disturbances: list[Disturbance] = []

    @property
    def given(self) -> int:
        """How many numbers the station has sent."""
        return sum(map(len, self.measurements.numbers.values()))

    def disturb(self, *, refused: bool = False) -> None:
        """Note that readings may be lost, or refused, from now on until `calm`."""
        self._disturbances.append(Disturbance(datetime.now(UTC) - LOST_BEFORE, END, refused))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Measure nothing during the block; the station's clock keeps running."""
        self.measurements.paused = True
        try:
            yield
        finally:
            self.measurements.paused = False

    def calm(self) -> None:
        """Note that everything arrives again."""
        if self._disturbances and self._disturbances[-1].end is END:
            self._disturbances[-1] = self._disturbances[-1]._replace(end=datetime.now(UTC))

    def last(self) -> Mapping[str, int]:
        """Return item -> its last number."""
        return {item: len(numbers) for item, numbers in self.measurements.numbers.items() if numbers}

    def time_of(self, item_id: str, number: int) -> datetime:
        """Return how the station's clock dated a number."""
        return self.measurements.numbers[item_id][number - 1].dated

    def is_excused(self, item_id: str, number: int, recorded: Recorded) -> bool:
        """Return whether a number was rejected, overwritten, or lost in a recorded gap of a disturbance."""
        if (item_id, str(number)) in recorded.refused or (item_id, number) in self.overwritten:
            return True
        sent = self.measurements.numbers[item_id][number - 1].sent
        return any(each.start <= sent <= each.end for each in self._disturbances) and recorded.has_gap(
            item_id, sent
        )

    def may_be_refused(self, item_id: str, number: int) -> bool:
        """Return whether a clock was wrong when a number was sent."""
        if not 0 < number <= len(self.measurements.numbers[item_id]):
            return False
        sent = self.measurements.numbers[item_id][number - 1].sent
        return any(each.refused and each.start <= sent <= each.end for each in self._disturbances)


def _items_of(shard: Shard) -> list[str]:
    """Return a few items of each partition, so that each is measured often."""
    of_partition: defaultdict[int, list[str]] = defaultdict(list)
    for item in NUMBERED_ITEMS:
        if shard.holds(item) and item != SIGNAL_ITEM:
            of_partition[partition_for(item)].append(item)
    return [item for items in of_partition.values() for item in items[:ITEMS_OF_PARTITION]]
