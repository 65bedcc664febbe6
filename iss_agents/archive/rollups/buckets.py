"""Buckets: aggregates of readings over spans of one width, and the choice of that width."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

import msgspec

from iss_agents.archive.cursor import NO_OFFSET
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import order_of
from iss_agents.telemetry.station_clock import milliseconds

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""Milliseconds."""

WIDTHS: tuple[int, ...] = (
    *(count * SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * 10**power * DAY for power in range(5) for count in (1, 2, 5)),
)
"""Widths of buckets in milliseconds. A bucket of the last width holds every time up to 2106."""

FINE_SPAN = 6 * HOUR
"""A longer span gets no bucket below a minute, which only raw readings could fill."""


class OrderedReading(NamedTuple):
    """A reading as buckets need it, in the order (time, offset, id). `number` is None of a text."""

    time: int
    offset: int
    id: str
    value: str
    number: float | None


READING_FIELDS = dict.fromkeys(("source_ts", "sequence", "value", "number", "suspect", "offset", "source"), 1)
"""Projection of the fields of a document that `ordered_reading` and those who choose a source need."""


def ordered_reading(document: Document) -> OrderedReading | None:
    """Return the reading of a document, or None of a suspect one, or one that was edited by hand."""
    sequence, number = document.get("sequence"), document.get("number")
    if document.get("suspect") is not None or not isinstance(sequence, int):
        return None
    return OrderedReading(
        sequence,
        document.get("offset", NO_OFFSET),
        order_of(document["_id"]),
        str(document.get("value", "")),
        number if isinstance(number, int | float) else None,
    )


class Integral(msgspec.Struct, frozen=True, array_like=True):
    """Time integral of a bucket's values, from its first reading to its end, as if each held until the next.

    `first_at` is the first reading's time in milliseconds after the bucket's start, `area` the sum of each
    number times the milliseconds that it held, `known` for how many milliseconds the value was a number.
    `states` is number -> milliseconds, only of items whose numbers name states.
    """

    first_at: int
    area: float
    known: float
    states: dict[str, int] | None = None


def integral_of(points: Sequence[tuple[int, float | None]], start: int, end: int, *, named: bool) -> Integral:
    """Return the integral up to `end` of points (time, number), in order; `start` is the bucket's."""
    area, known, states = 0.0, 0, Counter[str]()
    for (time, number), (until, _) in pairwise([*points, (end, None)]):
        if number is None:
            continue
        area += number * (until - time)
        known += until - time
        if named:
            states[state_name(number)] += until - time
    return Integral(points[0][0] - start, area, known, dict(states) if named else None)


def state_name(number: float) -> str:
    """Return the number of a state as the catalogue spells it."""
    return f"{number:.0f}" if number.is_integer() else repr(number)


class Bucket(msgspec.Struct, frozen=True):
    """Aggregate of one item's readings in the span from `start`, milliseconds since 1970.

    `min`, `max` and `sum` cover those `numbers` of the `count` readings whose value is numeric. `last` is the
    value, as sent, of the last reading in the order (time, offset, id). `integral` is None where it is unknown:
    in rollups of an older version, and in minutes of which some readings expired before others arrived.
    """

    start: int
    count: int
    numbers: int
    min: float | None
    max: float | None
    sum: float
    last: str
    integral: Integral | None = None

    @property
    def mean(self) -> float | None:
        """Mean of the numeric samples, None if there are none or their sum overflows a double."""
        return self.sum / self.numbers if self.numbers and isfinite(self.sum) else None


def bucket_of(ordered: Sequence[OrderedReading], start: int, end: int, *, named: bool) -> Bucket:
    """Return the bucket of readings in their order, of which there is at least one."""
    numbers = [reading.number for reading in ordered if reading.number is not None]
    points = [(reading.time, reading.number) for reading in ordered]
    return Bucket(
        start,
        len(ordered),
        len(numbers),
        min(numbers, default=None),
        max(numbers, default=None),
        float(sum(numbers)),
        ordered[-1].value,
        integral_of(points, start, end, named=named),
    )


def width_for(start: datetime, end: datetime, points: int) -> int:
    """Return the smallest of WIDTHS, in milliseconds, with which the span needs at most `points` buckets."""
    first, last = milliseconds(start), milliseconds(end)
    least = SECOND if last - first <= FINE_SPAN else MINUTE
    return next(width for width in WIDTHS if width >= least and _count(first, last, width) <= points)


def _count(first: int, last: int, width: int) -> int:
    return -(-last // width) - first // width


def merged(buckets: Iterable[Bucket], width: int) -> list[Bucket]:
    """Merge `buckets`, which are in time order, into wider ones that begin at multiples of `width`."""
    wider: dict[int, Bucket] = {}
    for bucket in buckets:
        start = bucket.start - bucket.start % width
        wider[start] = joined(start, wider.get(start), bucket)
    return list(wider.values())


def joined(start: int, earlier: Bucket | None, later: Bucket) -> Bucket:
    """Return the bucket at `start` that combines both, without integral; `later` holds the later readings."""
    if earlier is None:
        return msgspec.structs.replace(later, start=start, integral=None)
    return Bucket(
        start,
        earlier.count + later.count,
        earlier.numbers + later.numbers,
        min(_known(earlier.min, later.min), default=None),
        max(_known(earlier.max, later.max), default=None),
        earlier.sum + later.sum,
        later.last,
    )


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]
