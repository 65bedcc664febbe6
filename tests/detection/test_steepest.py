"""A use is found in a slow climb of the level, and the climb alone is none."""

import pytest

from iss_agents.detection.events import Urination
from iss_agents.telemetry.station_clock import milliseconds
from tests.detection.factory import NOW, Shown, events_of, stream

SECONDS_PER_POINT = 50
"""1.2 % a minute."""

BEGIN, END = 100, 1100


def climbing(
    use_at: float, points: int, seconds: float, every: float = SECONDS_PER_POINT
) -> list[tuple[float, int]]:
    """Whole percents of a climb from BEGIN to END, in which a use raises some points."""
    shown, level = [(0.0, 10)], 10.0
    for at in range(BEGIN, END):
        used = points * min(1.0, max(0.0, (at - use_at) / seconds))
        level = 10 + (at - BEGIN) / every + used
        if int(level) > shown[-1][1]:
            shown.append((float(at), int(level)))
    return shown


@pytest.mark.parametrize("offset", [0, 13, 25, 38])
@pytest.mark.parametrize(("points", "seconds"), [(3, 20), (4, 28), (6, 35), (9, 50)])
def test_a_use_in_a_climb_of_ten_minutes_is_found(points: int, seconds: float, offset: int) -> None:
    (use,) = events_of(stream(climbing(750 + offset, points, seconds), END + 200))

    assert isinstance(use, Urination)
    assert points - 0.5 <= use.delta_percent <= points + 2
    assert abs((milliseconds(use.start) - milliseconds(NOW)) / 1000 - (750 + offset)) <= 25
    assert (milliseconds(use.detected_at) - milliseconds(NOW)) / 1000 - (750 + offset + seconds) <= 90


def bouncing(shown: Shown) -> list[tuple[float, int]]:
    """Each new percent is shown for 2 s, then the old one again for 10 s."""
    first, *steps = shown
    return [
        first,
        *(step for at, percent in steps for step in [(at, percent), (at + 2, percent - 1), (at + 12, percent)]),
    ]


CLIMB = climbing(0, 0, 1)
FASTER = [*climbing(0, 0, 1, every=60)[:10], *((660 + 28 * step, 19 + step) for step in range(1, 12))]


@pytest.mark.parametrize("shown", [CLIMB, bouncing(CLIMB), FASTER], ids=["even", "bouncing", "faster"])
def test_a_climb_alone_is_not_a_use(shown: Shown) -> None:
    assert events_of(stream(shown, END + 200)) == []
