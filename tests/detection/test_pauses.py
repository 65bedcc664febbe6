"""A use stays a use whatever follows it, and a pause does not make a use of a slow transfer."""

import pytest

from iss_agents.detection.events import Urination
from iss_agents.telemetry.station_clock import milliseconds
from tests.detection.factory import NOW, Shown, events_of, percents, stream

USE = Urination.__name__


def climb(start: float, end: float, first: int, last: int) -> list[tuple[float, int]]:
    """Steps of one percent, evenly from `start` to `end`."""
    return [
        (start + (end - start) * number / (last - first), first + number)
        for number in range(1, last - first + 1)
    ]


RISE: Shown = [(0, 20), *climb(200, 220, 20, 23)]
SMALL: Shown = [(0, 20), *climb(200, 212, 20, 22)]
LARGE: Shown = [(0, 20), *climb(200, 235, 20, 27)]


@pytest.mark.parametrize("pause", [32, 36, 40, 44])
@pytest.mark.parametrize("shown", [RISE, SMALL, LARGE], ids=["three points", "two points", "seven points"])
def test_flush_water_after_a_pause_does_not_lose_the_use(shown: Shown, pause: int) -> None:
    end, level = shown[-1]

    assert percents(stream([*shown, (end + pause, level + 1)], 500)) == [(USE, float(level - 20))]


@pytest.mark.parametrize("shown", [RISE, LARGE], ids=["three points", "seven points"])
def test_two_points_of_flush_water_do_not_lose_the_use(shown: Shown) -> None:
    end, level = shown[-1]
    flushed = [*shown, (end + 35, level + 1), (end + 38, level + 2)]

    assert percents(stream(flushed, 500)) == [(USE, float(level - 20))]


def test_a_use_with_flush_water_is_told_in_time() -> None:
    (use,) = events_of(stream([*RISE, (260, 24)], 500))

    assert isinstance(use, Urination)
    assert (milliseconds(use.detected_at) - milliseconds(NOW)) / 1000 - 220 <= 90


@pytest.mark.parametrize("pauses", [(28, 28), (25, 29), (29, 20)])
def test_a_tail_without_a_long_pause_does_not_lose_the_use(pauses: tuple[int, int]) -> None:
    first = 220 + pauses[0]
    (use,) = events_of(stream([*RISE, (first, 24), (first + pauses[1], 25)], 500))

    assert isinstance(use, Urination)
    assert 3 <= use.delta_percent <= 5


def test_a_large_use_is_told_whatever_trickles_in_after_it() -> None:
    use = climb(451, 503, 21, 30)
    trickle = [(528, 31), (554, 32), (597, 33), (610, 34), (642, 35)]

    (told,) = events_of(stream([(0, 21), *use, *trickle], 800))

    assert isinstance(told, Urination)
    assert 9 <= told.delta_percent <= 11


@pytest.mark.parametrize("pause", [22, 28])
def test_flush_water_soon_after_a_small_use_does_not_delay_it(pause: int) -> None:
    small: Shown = [(0, 20), *climb(200, 212, 20, 22)]
    (use,) = events_of(stream([*small, (212 + pause, 23)], 500))

    assert (milliseconds(use.detected_at) - milliseconds(NOW)) / 1000 - 212 <= 90


def test_who_comes_40_s_after_another_is_told_too() -> None:
    second = climb(260, 285, 23, 28)

    assert percents(stream([*RISE, *second], 500)) == [(USE, 3.0), (USE, 5.0)]


SLOW = {
    "28 s a point": [(0, 20), *climb(200, 480, 20, 30)],
    "33 s a point": [(0, 20), *climb(200, 530, 20, 30)],
    "40 s a point": [(0, 20), *climb(200, 600, 20, 30)],
    "with a bounce": [(0, 20), (200, 21), (201, 22), (203, 21), *climb(235, 600, 21, 31)],
    "with bounces": [
        (0, 20),
        *(
            step
            for number in range(10)
            for step in [(200 + 34 * number, 21 + number), (202 + 34 * number, 20 + number)]
        ),
    ],
}


@pytest.mark.parametrize("shown", SLOW.values(), ids=SLOW)
def test_a_slow_transfer_that_pauses_is_not_a_use(shown: Shown) -> None:
    assert events_of(stream(shown, 900)) == []
