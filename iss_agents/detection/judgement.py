"""Whether a rise that has come to rest was a use of the toilet.

Limits are from what was observed of uses: +2 % in 10 s to +10 % in 60 to 100 s, 0.1 to 0.2 % a second, one
point of bounce (isspiss and peebot, 2026). Transfers are larger, slower or faster.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from iss_agents.detection.events import ConfidenceParts
from iss_agents.detection.levels import Rest, rest
from iss_agents.detection.state import Level, Rise

LEAST_PERCENT = 1.5
"""A use raises the shown integer by two at least; the mean of one that flaps may show half a point less."""

MOST_PERCENT = 12.0
"""The largest use seen raised 10 %."""

SLOWEST, FASTEST = 0.08, 0.4
"""Percent a second; half a point of bounce is allowed for at the slow end, a point at the fast one."""

CREEP_PERCENT = 1.1
"""Flapping raises the mean by one point at most; a level that rose by more is being filled slowly."""

CREEP_MILLISECONDS = 150_000
"""How far back a slow transfer is looked for: one that could pass for a use takes 50 s a percent."""

SHAPED_PERCENT = 3.5
"""Below it a bounce may shorten the whole rise to one moment, so its pace proves nothing."""

BASE_MILLISECONDS = 30_000
"""The level before is the mean over so long."""

SETTLED_MILLISECONDS = 25_000
"""The level after is the mean over so long at the end of the quiet that decides."""

CLIMB_MILLISECONDS = 25_000
"""Two steps up within so long belong to one climb: the slowest use takes 10 s for one, a bounce hides one."""

USUAL_SECONDS = (8.0, 100.0)
FULL_SIZE_PERCENT = 4.0
FULL_EVIDENCE = 6


class Climb(NamedTuple):
    """The measures of a rise: when it left the level before, when it first reached the level after.

    `crept` is how much, in percent, the level had risen on its own in the minutes before.
    """

    start: int
    end: int
    before: Rest
    after: Rest
    crept: float
    readings: int

    @property
    def percent(self) -> float:
        return self.after.mean - self.before.mean

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000


def measure(levels: Sequence[Level], rise: Rise, until: int) -> Climb:
    """Return the measures of a rise of which everything to `until` is known."""
    departure = _departure(levels, rise)
    before = rest(levels, departure - BASE_MILLISECONDS, departure)
    after = rest(levels, max(rise.high_at, until - SETTLED_MILLISECONDS), until)
    end = _reached(levels, rise, after)
    start = _left(levels, departure, end, before)
    crept = before.mean - _long_before(levels, departure).mean
    return Climb(start, end, before, after, crept, sum(start <= level.at <= until for level in levels))


def is_use(climb: Climb) -> bool:
    """Return whether a climb has the size and the pace of a use."""
    alone = climb.crept < CREEP_PERCENT or climb.percent >= SHAPED_PERCENT
    return alone and _is_high_enough(climb) and climb.percent <= MOST_PERCENT and _has_pace(climb)


def confidence(climb: Climb) -> tuple[float, ConfidenceParts]:
    """Return how sure a use is, 0 to 1, and the parts of which that is the mean."""
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
    # Both rests may flap with opposite luck; their lowest and highest values then still lie two apart.
    return min(climb.after.low - climb.before.low, climb.after.high - climb.before.high) >= 2  # noqa: PLR2004


def _has_pace(climb: Climb) -> bool:
    if climb.percent + 0.5 < SLOWEST * climb.seconds:
        return False
    return climb.percent < SHAPED_PERCENT or climb.percent - 1 <= FASTEST * climb.seconds


def _departure(levels: Sequence[Level], rise: Rise) -> int:
    """Return when the climb began: the first of the steps up that led to the rise without a long pause."""
    climbed = [(level, later) for level, later in pairwise(levels) if later.at <= rise.opened_at]
    departure = rise.opened_at
    for level, later in reversed(climbed):
        if later.value <= level.value or departure - later.at > CLIMB_MILLISECONDS:
            break
        departure = later.at
    return departure


def _long_before(levels: Sequence[Level], departure: int) -> Rest:
    """Return the level some minutes before the climb, as far back as `levels` go."""
    begin = min(max(levels[0].at, departure - CREEP_MILLISECONDS), departure - BASE_MILLISECONDS)
    return rest(levels, begin, begin + BASE_MILLISECONDS)


def _reached(levels: Sequence[Level], rise: Rise, after: Rest) -> int:
    reached = (level.at for level in levels if rise.opened_at <= level.at and level.value >= after.mean - 0.5)
    return next(reached, rise.high_at)


def _left(levels: Sequence[Level], departure: int, end: int, before: Rest) -> int:
    """Return when the level last left what it was before, on its way up."""
    threshold = before.mean + 0.5
    left = [
        later.at
        for level, later in pairwise(levels)
        if departure <= later.at <= end and level.value <= threshold < later.value
    ]
    return left[-1] if left else departure
