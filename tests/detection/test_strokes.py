"""A pump that transfers in equal portions is recognised from the fifth on, a queue of people never."""

from collections.abc import Sequence
from itertools import accumulate

import pytest

from iss_agents.detection.state import State, Stroke, decode_state, encode_state
from tests.detection.factory import Shown, percents, stream

LEAST, MOST = 3, 8


def uses(sizes: Sequence[int], pauses: Sequence[int], first: int = 10) -> Shown:
    """One use after another, of some points each, 6 s a point."""
    starts = accumulate(pauses, initial=200)
    levels = accumulate(sizes, initial=first)
    steps = [
        (start + 6 * number, level + number)
        for start, level, size in zip(starts, levels, sizes, strict=False)
        for number in range(1, size + 1)
    ]
    return [(0, first), *steps]


def told(shown: Shown) -> list[float]:
    return [percent for _, percent in percents(stream(shown, round(shown[-1][0]) + 150))]


@pytest.mark.parametrize("pause", [120, 300])
@pytest.mark.parametrize("size", [LEAST, MOST])
def test_equal_portions_at_equal_pauses_are_a_transfer_from_the_fifth_on(size: int, pause: int) -> None:
    assert told(uses([size] * 9, [pause] * 8)) == [float(size)] * 4


def test_portions_that_truncation_makes_unequal_are_equal() -> None:
    assert told(uses([4, 3, 4, 4, 3, 4, 4], [150, 158, 146, 152, 150, 157])) == [4, 3, 4, 4]


@pytest.mark.parametrize(
    ("sizes", "pauses"),
    [
        ([5] * 7, [120, 150, 200, 130, 180, 120]),
        ([3, 7, 4, 8, 3, 6, 5], [150] * 6),
    ],
    ids=["unequal pauses", "unequal sizes"],
)
def test_a_queue_of_people_is_told_to_its_end(sizes: Sequence[int], pauses: Sequence[int]) -> None:
    assert told(uses(sizes, pauses)) == [float(size) for size in sizes]


def test_a_pump_that_stops_does_not_hide_who_comes_later() -> None:
    assert told(uses([4] * 6 + [7], [120] * 5 + [400])) == [4.0] * 4 + [7.0]


def test_the_state_remembers_no_more_than_it_needs_and_survives_its_bytes() -> None:
    strokes = tuple(Stroke(number, number, 3.5) for number in range(4))

    assert decode_state(encode_state(State(strokes=strokes))).strokes == strokes
    assert decode_state(b"{}").strokes == ()
