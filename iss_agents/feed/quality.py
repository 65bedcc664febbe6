"""Data quality: flags stale data and bursts of bad data (`Reading.suspect`), reading by reading.

A frozen broadcast repeats stale data from the server's memory: readings as old as the stopped station clock are
flagged. A broadcast that recovers sends zeros for many items at one instant. Such a burst is recognisable only
after several zeros, so an exact zero is held for a moment, and so are all later readings of its item.

Durations are measured in seconds of the monotonic clock, the parameter `at`.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from iss_agents.telemetry.catalog import SIGNAL_ITEM, as_number, items
from iss_agents.telemetry.records import Reading

FROZEN_AFTER = timedelta(seconds=60)
"""How long the station's clock, which ticks once a second, may stop before the broadcast counts as frozen, and
how much older than usual it may be when a session begins (limit of iss-live)."""

LATE_FOR = 30.0
"""Seconds for which the clock must run late before that counts as its delay: after a backlog it catches up."""

HOLD = timedelta(seconds=1.8)
"""How long a zero is held: with the service's tick of 0.2 s, 2 s at most."""

BURST_ITEMS = 5
"""Items that must drop to zero together. Seen: 22 of 25 in one instant (feed.md, 11 August 2026); fewer than
five, such as the three axes of one rate, reach zero together in ordinary operation."""

BURST_STRANGERS = 2
"""How many of them must belong to another discipline than most: after every spacewalk a supply is switched off,
and eight voltages and currents of the spacesuits drop to zero together."""

BURST_SPREAD = timedelta(seconds=2)
"""How far apart the station's times of one burst may lie: it was one instant, and items tick every 1 to 2 s."""

BURST_DURATION = timedelta(seconds=60)
"""After a minute the observed burst was over. A zero that lasts longer is accepted."""

_ORDINARY_ZERO = frozenset(item.item_id for item in items().values() if 0 in item.states) | {SIGNAL_ITEM}
"""149 of the 162 enums name a state 0, mostly "off". Many switch to it together in ordinary operation, so these
zeros are neither held nor counted. The clock is excluded because the freeze detection uses it."""

_NEVER_ZERO = frozenset(
    item.item_id
    for item in items().values()
    if item.unit == "mmHg" and item.discipline != "EVA" and not item.item_id.startswith("AIRLOCK")
)
"""Pressures where people breathe. The airlock's are zero during a spacewalk."""


class Freeze:
    """Detects a frozen broadcast by the station's clock, over all sessions, and flags its stale data.

    A clock that moves is not frozen, however late it is. Its delay is `lag`, which does not count as age,
    neither of a reading nor of the start of a session.
    """

    def __init__(self) -> None:
        self.needs_snapshot = False
        """Whether a snapshot is needed because the clock moves after readings were flagged; the caller resets
        it."""
        self.since: datetime | None = None
        """Where the clock stopped, while readings are flagged for it."""
        self.lag = timedelta()
        self._session = 0
        self._clock: datetime | None = None
        self._moved_at: float | None = None
        self._late_since: float | None = None

    def check(self, reading: Reading, at: float) -> Reading:
        """Return the reading, flagged if it is as old as a stopped clock."""
        self._follow_clock(reading, at)
        if not self._is_frozen(at):
            self.needs_snapshot |= self.since is not None
            self.since = None
            return reading
        if self.age(reading) <= FROZEN_AFTER:
            return reading
        self.since = self._clock
        return replace(reading, suspect="frozen")

    def age(self, reading: Reading) -> timedelta:
        """Return how old a reading was on arrival, by the station's clock rather than ours."""
        return reading.ingest_ts - reading.source_ts - self.lag

    def is_late(self, at: float) -> bool:
        """Return whether the clock moves but has been late for too long to catch up."""
        return self._late_since is not None and at - self._late_since >= LATE_FOR

    def _follow_clock(self, reading: Reading, at: float) -> None:
        if reading.session != self._session:
            # A session begins with a snapshot of every item, so no other is needed.
            self._session, self.since = reading.session, None
        if reading.item_id != SIGNAL_ITEM:
            return
        if self._clock and reading.source_ts != self._clock and not reading.snapshot:
            self._move(reading, at)
        elif self.age(reading) <= FROZEN_AFTER:
            self._moved_at = at
        self._clock = reading.source_ts

    def _move(self, tick: Reading, at: float) -> None:
        self._moved_at = at
        self.lag = max(timedelta(), tick.ingest_ts - tick.source_ts)
        late = self.lag > FROZEN_AFTER
        self._late_since = (self._late_since or at) if late else None

    def _is_frozen(self, at: float) -> bool:
        if self._clock is None:
            return False
        return self._moved_at is None or at - self._moved_at > FROZEN_AFTER.total_seconds()


class Held(NamedTuple):
    """A zero that is held since `at`, and all later readings of its item."""

    at: float
    readings: list[Reading]


class Burst(NamedTuple):
    """The last zero of a burst that was detected at `at`."""

    at: float
    newest: Reading


class ZeroBursts:
    """Detects bursts of zeros and flags them; the order of an item's readings never changes.

    `age_of` returns how old a reading was on arrival.
    """

    def __init__(self, age_of: Callable[[Reading], timedelta]) -> None:
        self._age_of = age_of
        self.needs_snapshot = False
        """Whether a snapshot of flagged items is needed; the caller resets it."""
        self._is_zero: dict[str, bool] = {}
        self._held: dict[str, Held] = {}
        self._burst: Burst | None = None
        self._in_burst: set[str] = set()

    def check(self, reading: Reading, at: float) -> list[Reading]:
        """Return the readings that can be published now, in order, the suspect ones flagged."""
        held = self._held.get(reading.item_id)
        if held is not None:
            held.readings.append(reading)
            return []
        return self._decide(reading, at)

    def release(self, at: float) -> list[Reading]:
        """Return the readings that were held long enough without a burst, and end a burst that is over."""
        if self._burst and at - self._burst.at >= BURST_DURATION.total_seconds():
            self._burst = None
            self.needs_snapshot |= bool(self._in_burst)
        overdue = [item for item, held in self._held.items() if at - held.at >= HOLD.total_seconds()]
        return self._release(overdue, self._accept, at)

    def finish(self, at: float) -> list[Reading]:
        """Return all held readings as accepted: no further readings will follow."""
        released: list[Reading] = []
        while self._held:
            released += self._release(list(self._held), self._accept, at)
        return released

    def _decide(self, reading: Reading, at: float) -> list[Reading]:
        if reading.suspect:
            return [reading]
        if not self._is_suspicious_zero(reading):
            return [self._accept(reading)]
        if self._belongs_to_burst(reading, at):
            return [self._flag_zero(reading)]
        if reading.item_id in _ORDINARY_ZERO or reading.item_id in self._in_burst:
            return [self._accept(reading)]
        self._held[reading.item_id] = Held(at, [reading])
        return self._release_burst(reading, at)

    def _is_suspicious_zero(self, reading: Reading) -> bool:
        # A zero measured a minute ago has outlasted any burst: old zeros of a snapshot pass immediately.
        return (
            as_number(reading.value) == 0
            and not self._is_zero.get(reading.item_id, False)
            and self._age_of(reading) < BURST_DURATION
        )

    def _accept(self, reading: Reading) -> Reading:
        self._is_zero[reading.item_id] = as_number(reading.value) == 0
        self._in_burst.discard(reading.item_id)
        return reading

    def _belongs_to_burst(self, reading: Reading, at: float) -> bool:
        if not self._burst or at - self._burst.at >= BURST_DURATION.total_seconds():
            return False
        return reading.item_id in self._in_burst or _together(reading, self._burst.newest)

    def _flag_zero(self, reading: Reading) -> Reading:
        self._in_burst.add(reading.item_id)
        return replace(reading, suspect="zero_burst")

    def _release_burst(self, newest: Reading, at: float) -> list[Reading]:
        zeros = {item: held.readings[0] for item, held in self._held.items()}
        together = [item for item, zero in zeros.items() if _together(zero, newest)]
        # Only items that had another value have dropped: at the start many are rightly zero.
        if not _is_burst([item for item in together if item in self._is_zero]):
            return []
        self._burst = Burst(at, newest)
        return self._release(together, self._flag_zero, at)

    def _release(
        self, item_ids: list[str], decide_zero: Callable[[Reading], Reading], at: float
    ) -> list[Reading]:
        released: list[Reading] = []
        # All are removed before the first is checked: a later reading of an item may be held again.
        for zero, *later in [self._held.pop(item).readings for item in item_ids]:
            released.append(decide_zero(zero))
            released += [passed for reading in later for passed in self.check(reading, at)]
        return released


def _is_burst(dropped: list[str]) -> bool:
    if len(dropped) < BURST_ITEMS:
        return False
    disciplines = Counter(items()[item_id].discipline for item_id in dropped)
    strangers = len(dropped) - max(disciplines.values())
    return strangers >= BURST_STRANGERS or not _NEVER_ZERO.isdisjoint(dropped)


def _together(one: Reading, other: Reading) -> bool:
    return abs(one.source_ts - other.source_ts) <= BURST_SPREAD
