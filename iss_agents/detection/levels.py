"""Sums over levels, each of which holds until the next."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from iss_agents.detection.state import Level


class Rest(NamedTuple):
    """The level over a span: its mean weighted by time, and the lowest and highest value shown."""

    mean: float
    low: float
    high: float


def rest(levels: Sequence[Level], start: int, end: int) -> Rest:
    """Return the level between two moments. There must be one level; before it, it counts all the same."""
    parts = list(_held(levels, start, end)) or [(levels[0].value, 1)]
    values = [value for value, _ in parts]
    mean = sum(value * length for value, length in parts) / sum(length for _, length in parts)
    return Rest(mean, min(values), max(values))


def _held(levels: Sequence[Level], start: int, end: int) -> Iterator[tuple[float, int]]:
    ends = [*(level.at for level in levels[1:]), end]
    for level, until in zip(levels, ends, strict=True):
        length = min(until, end) - max(level.at, start)
        if length > 0:
            yield level.value, length


def since(levels: tuple[Level, ...], moment: int) -> tuple[Level, ...]:
    """Return the level at `moment` and all later ones."""
    first = 0
    while first + 1 < len(levels) and levels[first + 1].at <= moment:
        first += 1
    return levels[first:]
