"""Strokes of a pump: portions of one size at equal pauses, each like a use. People do not keep time."""

from collections.abc import Sequence
from itertools import pairwise

from iss_agents.detection.state import Stroke

LIKE_PEOPLE = 4
"""Portions that may be a queue of people; with the fifth, four pauses and five sizes agree by no chance."""

EQUAL_PERCENT = 1.5
"""Truncation makes one point of difference between equal portions, flapping half a point."""

EQUAL_MILLISECONDS = 20_000
"""A start is seen at the next whole percent, at 0.1 % a second up to 10 s late, at either end of a pause."""

FLUSH_MILLISECONDS = 45_000
"""What follows a use within this time may be its flush water."""


def is_repetition(before: Sequence[Stroke], stroke: Stroke) -> bool:
    """Return whether a stroke goes on a series of equal ones."""
    series = [*before[-LIKE_PEOPLE:], stroke]
    percents = [one.percent for one in series]
    pauses = [later.start - one.start for one, later in pairwise(series)]
    return (
        len(series) > LIKE_PEOPLE
        and max(percents) - min(percents) <= EQUAL_PERCENT
        and max(pauses) - min(pauses) <= EQUAL_MILLISECONDS
    )
