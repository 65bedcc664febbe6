"""The hours of a day as one binary: nothing changes on the way, and damage is noticed."""

from typing import Any

import pytest
from bson.int64 import Int64

from iss_agents.archive.rollups.buckets import DAY, HOUR, Bucket, Integral
from iss_agents.archive.rollups.day_hours import decoded, encoded

START = 20_000 * DAY
MARKS = 24

HOURS = [
    Bucket(START, 3, 3, -0.0, Int64(3_000_000_000), 1e300, "37.5", Integral(12, 2.5, 3.0, {"4": 7})),
    Bucket(START + 2 * HOUR, 1, 0, None, None, 0.0, "näher ☃", Integral(0, 0.0, 0.0)),
    Bucket(START + 23 * HOUR, 60, 60, 1, 1.5, float("inf"), "1", Integral(5, 0.1, 0.2)),
]


def test_hours_come_back_as_they_were() -> None:
    found = decoded(encoded(HOURS, MARKS), START, MARKS)

    # Also 1 and 1.0, and 0.0 and -0.0, which are equal.
    assert repr(found) == repr(HOURS).replace("Int64(3000000000)", "3000000000")


def test_a_day_without_readings_has_no_hours() -> None:
    assert decoded(encoded([], MARKS), START, MARKS) == []


def test_hours_of_other_marks_are_not_those_of_the_day() -> None:
    assert decoded(encoded(HOURS, MARKS), START, MARKS + 1) is None


def test_every_damaged_bit_is_noticed() -> None:
    sound = encoded(HOURS, MARKS)
    for bit in range(8 * len(sound)):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="not those that were stored"):
            decoded(bytes(damaged), START, MARKS)


@pytest.mark.parametrize("stored", [b"", "none", None, 5, [], {}, {"marks": MARKS, "hour": [{}]}])
def test_what_are_no_hours_is_an_error(stored: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        decoded(stored, START, MARKS)
