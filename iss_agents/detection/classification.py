"""Classification: whether a rise that has ended was a use of the toilet.

The limits are from observed uses: +2 % in 10 s to +10 % in 60 to 100 s, 0.1 to 0.2 % a second, one point of
bounce (isspiss and peebot, 2026). Transfers are larger, slower or faster.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from iss_agents.detection.events import ConfidenceParts
from iss_agents.detection.levels import LevelStats, level_stats
from iss_agents.detection.state import Level, Rise

LEAST_PERCENT = 1.5
"""A use raises the displayed integer by at least two; the mean of a flapping level may be half a point
lower."""

MOST_PERCENT = 12.0
"""The largest use seen raised 10 %."""

SLOWEST, FASTEST = 0.08, 0.4
"""Percent a second; the limits allow for half a point of bounce at the slow end, and a point at the fast
one."""

CREEP_PERCENT = 1.1
"""Flapping raises the mean by at most one point; a level that rises by more is being filled slowly."""

CREEP_MILLISECONDS = 150_000
"""How far back to look for a slow transfer: one that resembles a use takes 50 s a percent."""

PLAIN_PERCENT = 2.5
"""A slow transfer and a bounce together do not raise the mean by as much in the time of a use."""

PLAIN_PACE = 0.12
"""Percent a second of a small use seen to take long: 3 % in 25 s. A transfer that bounces does not reach it."""

SHAPED_PERCENT = 3.5
"""Below it a bounce may shorten the whole rise to one moment, so its pace proves nothing."""

BASE_MILLISECONDS = 30_000
"""The level before is the mean over this span."""

SETTLED_MILLISECONDS = 25_000
"""The level after is the mean over this span at the end of the quiet period."""

CLIMB_MILLISECONDS = 25_000
"""Steps up within this span belong to one climb: the slowest use takes 10 s a step, and a bounce hides one."""

USUAL_SECONDS = (8.0, 100.0)
FULL_SIZE_PERCENT = 4.0
FULL_EVIDENCE = 6


class Climb(NamedTuple):
    """The measures of a rise: when it left the level before, when it first reached the level after.

    `crept` is how far, in percent, the level had risen in the minutes before. `longest` is the duration with
    every bounce at both ends.
    """

    start: int
    end: int
    before: LevelStats
    after: LevelStats
    crept: float
    longest: int
    readings: int

    @property
    def percent(self) -> float:
        return self.after.mean - self.before.mean

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000


def measure(levels: Sequence[Level], rise: Rise, until: int) -> Climb:
    """Return the measures of a rise whose levels are known up to `until`."""
    departure = _departure(levels, rise)
    before = level_stats(levels, departure - BASE_MILLISECONDS, departure)
    after = level_stats(levels, max(rise.high_at, until - SETTLED_MILLISECONDS), until)
    end = _reached(levels, rise, after)
    start = _left(levels, departure, end, before)
    crept = before.mean - _stats_long_before(levels, departure).mean
    readings = sum(start <= level.at <= until for level in levels)
    return Climb(start, end, before, after, crept, rise.high_at - departure, readings)


def is_use(climb: Climb) -> bool:
    """Return whether a climb has the size and the pace of a use."""
    alone = climb.crept < CREEP_PERCENT or climb.percent >= SHAPED_PERCENT
    return alone and _is_high_enough(climb) and climb.percent <= MOST_PERCENT and _has_pace(climb)


def is_plainly_use(climb: Climb) -> bool:
    """Return whether a climb is a use whatever follows: it has the pace of one without any allowance."""
    before, after = climb.before, climb.after
    # While water flows slowly the level bounces; a level at rest before and after makes a smaller rise plain.
    clean = before.low == before.high and after.low == after.high
    return (
        is_use(climb)
        and (clean or climb.percent >= PLAIN_PERCENT)
        and climb.percent >= PLAIN_PACE * climb.longest / 1000
    )


def is_step_of_scale(climb: Climb) -> bool:
    """Return whether the level went from rest to rest in one reading: what flows in shows each percent."""
    at_rest = climb.before.low == climb.before.high and climb.after.low == climb.after.high
    return at_rest and climb.readings == 1


def confidence(climb: Climb) -> tuple[float, ConfidenceParts]:
    """Return the confidence in a use, 0 to 1, and the parts whose mean it is."""
    least, most = USUAL_SECONDS
    parts = {
        "size": min(1.0, climb.percent / FULL_SIZE_PERCENT),
        "steadiness": 1 / (1 + max(0.0, climb.after.high - climb.after.low - 1)),
        "pace": min(1.0, max(1.0, climb.seconds) / least, most / max(1.0, climb.seconds)),
        "evidence": min(1.0, climb.readings / FULL_EVIDENCE),
    }
    rounded = {part: round(value, 2) for part, value in parts.items()}
    return round(sum(parts.values()) / len(parts), 2), ConfidenceParts(**rounded)


def _is_high_enough(climb: Climb) -> bool:
    if climb.percent >= LEAST_PERCENT:
        return True
    # Both levels may flap in opposite ways; their lowest and highest values are then still two apart.
    return min(climb.after.low - climb.before.low, climb.after.high - climb.before.high) >= 2  # noqa: PLR2004


def _has_pace(climb: Climb) -> bool:
    if climb.percent + 0.5 < SLOWEST * climb.seconds:
        return False
    return climb.percent < SHAPED_PERCENT or climb.percent - 1 <= FASTEST * climb.seconds


def _departure(levels: Sequence[Level], rise: Rise) -> int:
    """Return when the climb began: at the first of the steps that led up to the rise without a long pause."""
    climbed = [(level, later) for level, later in pairwise(levels) if later.at <= rise.opened_at]
    departure = rise.opened_at
    for level, later in reversed(climbed):
        if later.value <= level.value or departure - later.at > CLIMB_MILLISECONDS:
            break
        departure = later.at
    return departure


def _stats_long_before(levels: Sequence[Level], departure: int) -> LevelStats:
    """Return the level some minutes before the climb, as far back as `levels` reach."""
    begin = min(max(levels[0].at, departure - CREEP_MILLISECONDS), departure - BASE_MILLISECONDS)
    return level_stats(levels, begin, begin + BASE_MILLISECONDS)


def _reached(levels: Sequence[Level], rise: Rise, after: LevelStats) -> int:
    reached = (level.at for level in levels if rise.opened_at <= level.at and level.value >= after.mean - 0.5)
    return next(reached, rise.high_at)


def _left(levels: Sequence[Level], departure: int, end: int, before: LevelStats) -> int:
    """Return when the level last left what it was before, on its way up."""
    threshold = before.mean + 0.5
    left = [
        later.at
        for level, later in pairwise(levels)
        if departure <= later.at <= end and level.value <= threshold < later.value
    ]
    return left[-1] if left else departure
