"""Steepest part of a rise: the use within a slow climb, whose own steps come before and after it."""

from collections.abc import Sequence
from itertools import pairwise

from iss_agents.detection.classification import (
    BASE_MILLISECONDS,
    CLIMB_MILLISECONDS,
    CREEP_MILLISECONDS,
    CREEP_PERCENT,
    FASTEST,
    MOST_PERCENT,
    SLOWEST,
    Climb,
)
from iss_agents.detection.levels import level_stats
from iss_agents.detection.state import Level, Rise

REST_MILLISECONDS = 20_000
"""The level after a part is the mean over this span: flush water may come later."""

EXCESS_PERCENT = 2.0
"""What a use must raise beyond the climb: half a point more than at rest, as the climb is known no better."""


def steepest_part(levels: Sequence[Level], rise: Rise, until: int) -> Climb | None:
    """Return the part of a rise that gained most on the slowest use, None if all of it is slower."""
    span = _span(levels, rise)
    if span is None:
        return None
    start, end = span
    before = level_stats(levels, start - BASE_MILLISECONDS, start)
    after = level_stats(levels, end, min(until, end + REST_MILLISECONDS))
    crept = before.mean - _mean_long_before(levels, start)
    readings = sum(start <= level.at <= until for level in levels)
    return Climb(start, end, before, after, crept, end - start, readings)


def pace_before(levels: Sequence[Level], climb: Climb) -> float:
    """Return the pace, in percent a millisecond, at which the level rose in the minutes before a climb."""
    known = climb.start - max(levels[0].at, climb.start - CREEP_MILLISECONDS) - BASE_MILLISECONDS
    return climb.crept / known if climb.crept >= CREEP_PERCENT and known > 0 else 0.0


def is_use_in_climb(climb: Climb, pace: float) -> bool:
    """Return whether a climb has the size and the pace of a use beyond the slow climb that it is part of."""
    means_apart = climb.end - climb.start + (BASE_MILLISECONDS + REST_MILLISECONDS) / 2
    excess = climb.percent - pace * means_apart
    return (
        pace > 0
        and EXCESS_PERCENT <= excess <= MOST_PERCENT
        and SLOWEST * climb.seconds <= excess + 0.5
        and climb.percent - 1 <= FASTEST * max(climb.seconds, 1.0) + 1
    )


def _span(levels: Sequence[Level], rise: Rise) -> tuple[int, int] | None:
    """Return start and end of the steps whose sum, less what the slowest use takes meanwhile, is largest."""
    best, found = 0.0, None
    gained, start = 0.0, 0
    for last, level in pairwise(levels):
        if not rise.opened_at - CLIMB_MILLISECONDS <= level.at <= rise.high_at:
            continue
        step = level.value - last.value
        kept = gained - SLOWEST * (level.at - last.at) / 1000
        if kept <= 0:
            kept, start = 0.0, level.at
        gained = kept + step
        if gained > best:
            best, found = gained, (start, level.at)
    return found


def _mean_long_before(levels: Sequence[Level], start: int) -> float:
    begin = min(max(levels[0].at, start - CREEP_MILLISECONDS), start - BASE_MILLISECONDS)
    return level_stats(levels, begin, begin + BASE_MILLISECONDS).mean
