"""Which of two readings, and which of two values of a Table, is newer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iss_agents.telemetry.ordering import (
    MOST_IDS,
    Age,
    age_of,
    ids_with,
    is_later,
    version_of,
)
from iss_agents.telemetry.records import Reading
from tests.factories import reading_of

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def reading(second: int, value: str = "36") -> Reading:
    at = START + timedelta(seconds=second)
    return reading_of("NODE3000005", value, at, ingest_ts=at, source="test")


HELD = reading(1)
sequences = st.integers(0, 9)


@pytest.mark.parametrize(
    ("other", "age"),
    [
        (reading(0), "older"),
        (reading(1), "duplicate"),
        (reading(1, "37"), "newer"),
        (reading(2), "newer"),
    ],
)
def test_a_later_time_is_newer_and_so_is_another_value_of_the_same_time(other: Reading, age: Age) -> None:
    assert age_of(other, HELD.sequence, [HELD.event_id]) == age


@given(sequences, sequences, sequences)
def test_of_two_sequences_one_is_later_wherever_now_is(one: int, other: int, latest: int) -> None:
    later, earlier = is_later(one, other, latest), is_later(other, one, latest)

    assert not (one == other and (later or earlier))
    assert one == other or later or earlier
    # A right one overtakes one that is ahead, and is overtaken by nothing but that.
    assert (later and earlier) == (min(one, other) <= latest < max(one, other))


def test_the_ids_of_an_instant_are_remembered_and_begin_again_with_the_next() -> None:
    same, later = reading(1, "37"), reading(2)
    ids = ids_with(same, HELD.sequence, [HELD.event_id])

    assert ids == (HELD.event_id, same.event_id)
    assert ids_with(later, HELD.sequence, ids) == (later.event_id,)


def test_of_an_instant_with_any_number_of_values_the_last_ids_are_remembered() -> None:
    ids: tuple[str, ...] = ()
    for number in range(10 * MOST_IDS):
        ids = ids_with(reading(1, str(number)), HELD.sequence, ids)

    assert len(ids) == MOST_IDS
    assert ids[-1] == reading(1, str(10 * MOST_IDS - 1)).event_id


def test_values_are_ordered_by_what_they_include_whatever_their_time() -> None:
    values: list[dict[str, int] | None] = [
        None,
        {"sequence": 5},
        {"sequence": 6},
        {"sequence": 9, "offset": 8},
        {"sequence": 5, "offset": 9},
        {"sequence": 5, "offset": 0, "generation": 1},
    ]
    versions = [version_of(value) for value in values]

    assert versions == sorted(versions)
    assert len(set(versions)) == len(values)
