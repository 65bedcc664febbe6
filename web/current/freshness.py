"""Freshness: what the age of a reading means for its item.

The feed sends an item only when it changes. While readings flow, an item that may rest is therefore unchanged,
however old its reading is; one that never rests for as long is stuck. Until the feed has had time to send what
changed in a gap, nobody knows.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from iss_agents.telemetry.catalog import Item
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import milliseconds

Freshness = Literal["current", "unchanged", "stuck", "not_seen", "never"]

KNOWN: frozenset[Freshness] = frozenset({"current", "unchanged"})
"""What does not make an item stale."""

CURRENT_MILLISECONDS = 60_000
"""A younger reading is current; a frozen feed is detected after the same time."""

SETTLING_MILLISECONDS = 60_000
"""How long after a gap it is unknown whether an item changed in it: the feed sends within seconds what did."""


@dataclass(frozen=True)
class Flow:
    """What is known of the feed at `at`: whether readings flow (`alive`), and its gaps.

    `gap_end` is the end of the last gap, and `missing` are the items that the feed does not send.
    """

    at: datetime
    alive: bool
    gap_end: datetime | None = None
    missing: Collection[str] = ()

    @cached_property
    def _at(self) -> int:
        return milliseconds(self.at)

    def freshness(self, item: Item, reading: Reading | None) -> Freshness:
        """Return what the newest reading of an item is worth."""
        if reading is None:
            return "never"
        if not self.alive or item.item_id in self.missing:
            return "not_seen"
        age = self._at - reading.sequence
        if age <= CURRENT_MILLISECONDS:
            return "current"
        return self._of_old(item, reading, age)

    def _of_old(self, item: Item, reading: Reading, age: int) -> Freshness:
        watched = self._watched(reading, age)
        if watched < age and watched <= SETTLING_MILLISECONDS:
            return "not_seen"
        if item.stuck_after is not None and watched > item.stuck_after * 1000:
            return "stuck"
        return "unchanged"

    def _watched(self, reading: Reading, age: int) -> int:
        """Return for how long readings have flowed since this one, in milliseconds: a gap begins that again."""
        gap_end = self.gap_end
        if gap_end is None or gap_end > self.at or reading.ingest_ts >= gap_end:
            return age
        return min(age, self._at - milliseconds(gap_end))
