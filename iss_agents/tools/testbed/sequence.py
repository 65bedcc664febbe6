"""Sequence generator: each value of an item is its own count, 1, 2, 3 and so on, so every loss is visible."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from iss_agents.telemetry.catalog import PROCESSOR_ITEM, TANK_ITEM, YEAR_ITEM, items
from iss_agents.telemetry.records import Reading, new_reading

NUMBERED_ITEMS = tuple(item for item in items() if item not in {TANK_ITEM, PROCESSOR_ITEM, YEAR_ITEM})
"""All items but those whose values have an effect: the tank's level and processor, and the year."""


class Numbered(NamedTuple):
    """The value `number` of an item, measured at `time`."""

    item_id: str
    number: int
    time: datetime


class Numbers:
    """Measures one of `item_ids` after the other, `rate` times a second in all, from `start` on.

    After a pause, everything that was due is sent late, with the time at which it was due.
    """

    def __init__(self, start: datetime, rate: float, item_ids: Sequence[str] = NUMBERED_ITEMS) -> None:
        self.start = start
        self._rate = rate
        self._items = item_ids
        self._places = {item: place for place, item in enumerate(item_ids)}
        self.given = 0

    def due(self, now: datetime) -> list[Numbered]:
        """Return what was measured since the last call."""
        upto = max(self.given, int((now - self.start).total_seconds() * self._rate))
        numbers = [self._numbered(place) for place in range(self.given, upto)]
        self.given = upto
        return numbers

    def last(self) -> Mapping[str, int]:
        """Return item -> its last count so far, without the items that have none."""
        rounds, rest = divmod(self.given, len(self._items))
        counts = {item: rounds + (place < rest) for place, item in enumerate(self._items)}
        return {item: count for item, count in counts.items() if count}

    def time_of(self, item_id: str, number: int) -> datetime:
        """Return when this value of an item is measured."""
        return self._numbered((number - 1) * len(self._items) + self._places[item_id]).time

    def _numbered(self, place: int) -> Numbered:
        rounds, item = divmod(place, len(self._items))
        time = self.start + timedelta(seconds=place / self._rate)
        # Whole milliseconds, as the station's clock has them.
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        return Numbered(self._items[item], rounds + 1, time)


def reading_of(numbered: Numbered, ingest_ts: datetime) -> Reading:
    """Return the reading that the feed makes of it."""
    return new_reading(
        numbered.item_id, numbered.time, str(numbered.number), ingest_ts=ingest_ts, source="simulated"
    )
