"""What may be said of a rise before it is decided."""

import pytest

from iss_agents.detection.progress import in_use_since
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import milliseconds
from tests.detection.factory import LARGE_USE, NOW, SMALL_USE, Shown, clock, in_order, steps, stream

FLAPS: Shown = [(at, 26 + at % 2) for at in range(0, 300, 3)]
SLOW_TRANSFER: Shown = [(100 + 40 * step, 20 + step) for step in range(10)]


def said(readings: list[Reading]) -> list[tuple[float, float]]:
    """Second of the clock and the start that was told then, while a use was probable."""
    found = []
    for reading, (state, _) in zip(readings, steps(readings), strict=True):
        since = in_use_since(state)
        if since is not None:
            found.append(((reading.source_ts - NOW).total_seconds(), (since - milliseconds(NOW)) / 1000))
    return found


def test_a_use_is_probable_from_20_s_after_its_start_until_it_rests() -> None:
    told = said(stream(LARGE_USE, 400))

    assert (told[0], told[-1]) == ((225, 205), (270, 205))


def test_a_small_use_is_probable_too() -> None:
    assert said(stream(SMALL_USE, 400))[0][0] <= 200 + 20


@pytest.mark.parametrize("shown", [FLAPS, SLOW_TRANSFER], ids=["flapping", "slow transfer"])
def test_what_is_not_a_use_is_never_probable(shown: Shown) -> None:
    assert said(stream(shown, 600)) == []


def test_nothing_is_probable_without_a_signal() -> None:
    readings = in_order(*stream(LARGE_USE, 230), clock(231, status_class="1"))
    *_, (state, _) = steps(readings)

    assert in_use_since(state) is None
