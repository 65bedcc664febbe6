"""Readings folded over stretches of time of one width, and how wide these are."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from iss_agents.station_clock import milliseconds

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""Milliseconds."""

WIDTHS: tuple[int, ...] = (
    *(count * SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * 10**power * DAY for power in range(5) for count in (1, 2, 5)),
)
"""Widths of buckets in milliseconds. The last holds every time up to 2106 in one bucket."""

FINE_SPAN = 6 * HOUR
"""A longer span gets no buckets below a minute, which only the readings themselves could fill."""


class Bucket(msgspec.Struct, frozen=True):
    """The readings of one item in a stretch of time that begins at `start`, milliseconds since 1970.

    `min`, `max` and `sum` are of the `numbers` readings among `count` whose value is a number; `last` is the
    value of the last one as sent, by (time, id).
    """

    start: int
    count: int
    numbers: int
    min: float | None
    max: float | None
    sum: float
    last: str

    @property
    def mean(self) -> float | None:
        """The mean of the numbers, None without any."""
        return self.sum / self.numbers if self.numbers else None


def width_for(start: datetime, end: datetime, points: int) -> int:
    """Return the smallest of WIDTHS, in milliseconds, with which at most `points` buckets meet the span."""
    first, last = milliseconds(start), milliseconds(end)
    least = SECOND if last - first <= FINE_SPAN else MINUTE
    return next(width for width in WIDTHS if width >= least and _count(first, last, width) <= points)


def _count(first: int, last: int, width: int) -> int:
    return -(-last // width) - first // width


def merged(buckets: Iterable[Bucket], width: int) -> list[Bucket]:
    """Return `buckets`, which come in the order of time, as wider ones that begin at multiples of `width`."""
    wider: dict[int, Bucket] = {}
    for bucket in buckets:
        start = bucket.start - bucket.start % width
        wider[start] = _joined(start, wider.get(start), bucket)
    return list(wider.values())


def _joined(start: int, earlier: Bucket | None, later: Bucket) -> Bucket:
    if earlier is None:
        return msgspec.structs.replace(later, start=start)
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
