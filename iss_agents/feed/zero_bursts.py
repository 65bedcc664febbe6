"""Mark the zeros that many items send at one instant when a broken broadcast comes back.

A burst shows only after several zeros, so an exact zero waits a moment for its witnesses, and everything
later of the same item waits behind it. Time comes with the readings or as a parameter; a clock that was set
back by more than a wait ends that wait, so that nothing is held for as long as the clock was wrong.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from iss_agents.catalog import SIGNAL_ITEM, as_number, items
from iss_agents.records import Reading

HOLD = timedelta(seconds=1.8)
"""How long a zero waits for witnesses: with the service's look every 0.2 s, 2 s at most."""

BURST_ITEMS = 5
"""Items that must drop to zero together. Seen: 22 of 25 in one instant (feed.md, 11 August 2026); fewer than
five, such as the three axes of one rate, come to rest together in ordinary operation."""

BURST_SPREAD = timedelta(seconds=2)
"""How far apart the station's times of one burst may lie: it was one instant, and items tick every 1 to 2 s."""

BURST_LASTS = timedelta(seconds=60)
"""After a minute the seen burst was over. A zero that stands longer is believed."""

_ORDINARY_ZERO = frozenset(item.item_id for item in items().values() if 0 in item.states) | {SIGNAL_ITEM}
"""149 of the 162 enums name a state 0, mostly "off": many switch to it together in ordinary operation, so these
zeros neither wait nor witness. The clock is left out because the freeze is judged by it."""


class ZeroBursts:
    """What is believed of each item so far, and what waits. Order per item never changes."""

    def __init__(self) -> None:
        self.needs_snapshot = False
        """Whether something marked has to be asked for again; whoever asks resets it."""
        self._is_zero: dict[str, bool] = {}
        self._held: dict[str, list[Reading]] = {}
        self._burst: Reading | None = None
        self._in_burst: set[str] = set()

    def judge(self, reading: Reading) -> list[Reading]:
        """Return the readings that may go on now, in order, the suspect ones marked."""
        held = self._held.get(reading.item_id)
        if held is not None:
            held.append(reading)
            return []
        return self._settle(reading)

    def release(self, now: datetime) -> list[Reading]:
        """Return what has waited long enough at `now` without a burst, and end a burst that is over."""
        if self._burst and _apart(now, self._burst.ingest_ts) >= BURST_LASTS:
            self._burst = None
            self.needs_snapshot |= bool(self._in_burst)
        overdue = [item for item, held in self._held.items() if _apart(now, held[0].ingest_ts) >= HOLD]
        return self._release(overdue, self._believe)

    def finish(self) -> list[Reading]:
        """Return everything that waits, believed: nothing more will come to judge it by."""
        released: list[Reading] = []
        while self._held:
            released += self._release(list(self._held), self._believe)
        return released

    def _settle(self, reading: Reading) -> list[Reading]:
        if reading.suspect:
            return [reading]
        if not self._is_doubtful(reading):
            return [self._believe(reading)]
        if self._belongs_to_burst(reading):
            return [self._mark_zero(reading)]
        if reading.item_id in _ORDINARY_ZERO or reading.item_id in self._in_burst:
            return [self._believe(reading)]
        self._held[reading.item_id] = [reading]
        return self._release_burst(reading)

    def _is_doubtful(self, reading: Reading) -> bool:
        # A zero measured a minute ago has outlived any burst: so a snapshot's old zeros pass at once.
        return (
            as_number(reading.value) == 0
            and not self._is_zero.get(reading.item_id, False)
            and reading.ingest_ts - reading.source_ts < BURST_LASTS
        )

    def _believe(self, reading: Reading) -> Reading:
        self._is_zero[reading.item_id] = as_number(reading.value) == 0
        self._in_burst.discard(reading.item_id)
        return reading

    def _belongs_to_burst(self, reading: Reading) -> bool:
        if not self._burst or _apart(reading.ingest_ts, self._burst.ingest_ts) >= BURST_LASTS:
            return False
        return reading.item_id in self._in_burst or _together(reading, self._burst)

    def _mark_zero(self, reading: Reading) -> Reading:
        self._in_burst.add(reading.item_id)
        return replace(reading, suspect="zero_burst")

    def _release_burst(self, newest: Reading) -> list[Reading]:
        together = [item for item, held in self._held.items() if _together(held[0], newest)]
        # Only an item that was seen at another value has dropped: at start-up many are zero in good order.
        if sum(item in self._is_zero for item in together) < BURST_ITEMS:
            return []
        self._burst = newest
        return self._release(together, self._mark_zero)

    def _release(self, item_ids: list[str], settle_zero: Callable[[Reading], Reading]) -> list[Reading]:
        released: list[Reading] = []
        # All leave before the first is judged: what came later of one item may begin to wait anew.
        for zero, *later in [self._held.pop(item) for item in item_ids]:
            released.append(settle_zero(zero))
            released += [passed for reading in later for passed in self.judge(reading)]
        return released


def _together(one: Reading, other: Reading) -> bool:
    return _apart(one.source_ts, other.source_ts) <= BURST_SPREAD


def _apart(one: datetime, other: datetime) -> timedelta:
    return abs(one - other)
