"""Level statistics over a span; each level holds until the next."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from iss_agents.detection.state import Level


class LevelStats(NamedTuple):
    """The level over a span: its time-weighted mean, and the lowest and highest value."""

    mean: float
    low: float
    high: float


def level_stats(levels: Sequence[Level], start: int, end: int) -> LevelStats:
    """Return the level between two times; the first of at least one `levels` also holds before it."""
    parts = list(_durations(levels, start, end)) or [(levels[0].value, 1)]
    values = [value for value, _ in parts]
    mean = sum(value * length for value, length in parts) / sum(length for _, length in parts)
    return LevelStats(mean, min(values), max(values))


def _durations(levels: Sequence[Level], start: int, end: int) -> Iterator[tuple[float, int]]:
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
