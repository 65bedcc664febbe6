"""Time-weighted buckets: each value counts for as long as it held.

The feed sends an item when it changes, so a value holds until the next reading: in a bucket without any too,
and from before the span on. Nothing is known in a gap, nor after the end of knowledge. `Weighting` walks
through fine buckets in time order and carries the last value from one to the next; what it carries, and the
integral of each fine bucket, goes into the bucket of the answer that it lies in.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

import msgspec

from iss_agents.archive.rollups.buckets import HOUR, MINUTE, Bucket, Integral, state_name
from iss_agents.telemetry.catalog import as_number

Span = tuple[int, int]
"""From a time up to another, milliseconds since 1970."""


class Gaps:
    """The gaps of an item, of which there are some thirty a day: the signal is lost as often.

    They may overlap.
    """

    def __init__(self, gaps: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for gap in sorted(gaps):
            if self._spans and gap[0] <= self._spans[-1][1]:
                start, end = self._spans.pop()
                self._spans.append((start, max(end, gap[1])))
            else:
                self._spans.append(gap)

    def also(self, gaps: Iterable[Span]) -> "Gaps":
        """Return these gaps together with others."""
        return Gaps([*self._spans, *gaps])

    def inside(self, start: int, end: int) -> list[Span]:
        """Return the parts of a span that lie in a gap."""
        first = bisect_right(self._spans, start, key=lambda span: span[1])
        last = bisect_left(self._spans, end, key=lambda span: span[0])
        spans = ((max(begin, start), min(over, end)) for begin, over in self._spans[first:last])
        return [(begin, over) for begin, over in spans if begin < over]

    def outside(self, start: int, end: int) -> Iterator[Span]:
        """Yield the parts of a span that lie in no gap."""
        first = bisect_right(self._spans, start, key=lambda span: span[1])
        for index in range(first, len(self._spans)):
            begin, over = self._spans[index]
            if begin >= end:
                break
            if begin > start:
                yield start, begin
            start = over
        if start < end:
            yield start, end


NO_GAPS = Gaps()


class FineBucket(NamedTuple):
    """A bucket with readings, and the end up to which its integral goes.

    `without_gaps` says that its integral leaves out the gaps already.
    """

    bucket: Bucket
    end: int
    without_gaps: bool = False


class WeightedBucket(msgspec.Struct, frozen=True):
    """Bucket of an answer. Without a reading it shows the value that held; in a gap there is none, but null.

    `mean` is weighted by time; it is None for items with states, whose `shares` are state -> share of the known
    time. `last` is the value at the end.
    """

    start: int
    count: int
    min: float | None
    max: float | None
    mean: float | None
    last: str | None
    shares: dict[str, float] | None


@dataclass
class _Slot:
    """What is known of one bucket of the answer."""

    count: int = 0
    numbers: int = 0
    sum: float = 0.0
    low: float | None = None
    high: float | None = None
    area: float = 0.0
    known: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    last: str | None = None

    def reach(self, *numbers: float | None) -> None:
        known = [number for number in (self.low, self.high, *numbers) if number is not None]
        self.low, self.high = min(known, default=None), max(known, default=None)

    def hold(self, value: str, number: float | None, duration: int, *, named: bool) -> None:
        self.last = value
        if number is None:
            return
        self.reach(number)
        self.area += number * duration
        self.known += duration
        if named:
            self.states[state_name(number)] += duration

    def mean(self) -> float | None:
        if self.known:
            mean = self.area / self.known
        elif self.numbers:
            mean = self.sum / self.numbers  # readings in what is recorded as a gap
        else:
            return None
        if not isfinite(mean) or self.low is None or self.high is None:
            return None
        return min(max(mean, self.low), self.high)  # rounding takes it beyond


class Weighting:
    """Weighs the values of one item over a span, in buckets of `width`, from the value that held before.

    `until` is the end of knowledge. `named` says whether the numbers of the item name states.
    """

    def __init__(
        self,
        span: Span,
        width: int,
        *,
        before: str | None = None,
        gaps: Gaps = NO_GAPS,
        until: int,
        named: bool,
    ) -> None:
        self._start, self._end = span
        self._named = named
        self._width = width
        self._gaps = gaps
        self._until = min(until, self._end)
        self._held, self._since = before, self._start
        self._slots: defaultdict[int, _Slot] = defaultdict(_Slot)

    def add(self, fine: Iterable[FineBucket], lost: Iterable[Span] = ()) -> None:
        """Add the next buckets with readings, oldest first, and gaps that were not known before."""
        if lost := list(lost):
            self._gaps = self._gaps.also(lost)
        for each in fine:
            self._add(each)

    def weigh(self, fine: Iterable[FineBucket] = ()) -> list[WeightedBucket]:
        """Add the last buckets, and return one for each width of the span, up to the end of knowledge."""
        self.add(fine)
        self._hold(self._until)
        starts = range(self._start - self._start % self._width, self._until, self._width)
        return [self._weighted(start) for start in sorted({*starts, *self._slots})]

    def integral(self, fine: Sequence[FineBucket]) -> Integral:
        """Return the integral of a span of one width, which has readings and holds nothing from before."""
        self.add(fine)
        self._hold(self._until)
        first, slot = fine[0].bucket, self._slot(self._start)
        begin = first.start + (first.integral.first_at if first.integral else 0) - self._start
        states = {state: round(time) for state, time in slot.states.items()} if self._named else None
        return Integral(begin, slot.area, slot.known, states)

    def _add(self, fine: FineBucket) -> None:
        bucket, end, without_gaps = fine
        integral = bucket.integral or _approximate(bucket, end)
        first = bucket.start + integral.first_at
        self._hold(first)
        slot = self._slot(bucket.start)
        slot.count += bucket.count
        slot.numbers += bucket.numbers
        slot.sum += bucket.sum
        slot.last = bucket.last
        slot.reach(bucket.min, bucket.max)
        share = 1.0 if without_gaps else self._visible_share(first, end)
        slot.area += integral.area * share
        slot.known += integral.known * share
        slot.states.update({state: round(time * share) for state, time in (integral.states or {}).items()})
        self._held, self._since = bucket.last, end

    def _visible_share(self, first: int, end: int) -> float:
        visible = min(end, self._until)
        known = sum(after - before for before, after in self._gaps.outside(first, visible))
        return known / (end - first) if end > first else 0.0

    def _hold(self, until: int) -> None:
        if self._held is not None:
            number = as_number(self._held)
            for start, end in self._gaps.outside(self._since, until):
                for begin, over in _cut(start, end, self._width):
                    self._slot(begin).hold(self._held, number, over - begin, named=self._named)
        self._since = max(self._since, until)

    def _slot(self, time: int) -> _Slot:
        return self._slots[time - time % self._width]

    def _weighted(self, start: int) -> WeightedBucket:
        slot = self._slots.get(start, _Slot())
        total = sum(slot.states.values())
        shares = {state: time / total for state, time in sorted(slot.states.items()) if time}
        mean, named = (None, shares) if self._named else (slot.mean(), None)
        return WeightedBucket(start, slot.count, slot.low, slot.high, mean, slot.last, named)


def hour_integral(minutes: Sequence[Bucket], gaps: Gaps = NO_GAPS) -> Integral:
    """Return the integral of an hour with these minutes, which all have one; there is at least one.

    It leaves out the gaps.
    """
    hour, named = minutes[0].start - minutes[0].start % HOUR, minutes[0].integral
    weighting = Weighting(
        (hour, hour + HOUR),
        HOUR,
        gaps=gaps,
        until=hour + HOUR,
        named=bool(named and named.states is not None),
    )
    return weighting.integral([FineBucket(minute, minute.start + MINUTE) for minute in minutes])


def _cut(start: int, end: int, width: int) -> Iterator[Span]:
    while start < end:
        over = min(start - start % width + width, end)
        yield start, over
        start = over


def _approximate(bucket: Bucket, end: int) -> Integral:
    """Return an integral for a rollup that has none: the mean of its samples, over all of its time."""
    duration = end - bucket.start
    if bucket.mean is None:
        return Integral(0, 0.0, 0, None)
    number = as_number(bucket.last)
    states = {state_name(number): duration} if number is not None else None
    return Integral(0, bucket.mean * duration, duration, states)
