from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from iss_agents.agents.last_value import Seen, fold
from iss_agents.telemetry.records import Reading, Suspect, new_reading
from tests.factories import reading_of

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def reading(second: int, value: str, item: str = "NODE3000005", suspect: Suspect | None = None) -> Reading:
    at = START + timedelta(seconds=second)
    return reading_of(item, value, at, ingest_ts=at, source="isslive", suspect=suspect)


def seen(newest: Reading, *others: Reading) -> Seen:
    ids = [other.event_id for other in others] + [newest.event_id]
    return {"sequence": newest.sequence, "event_ids": ids, "reading": to_builtins(newest)}


def outcomes(**counts: int) -> dict[str, Any]:
    return {"applied": 0, "duplicate": 0, "older": 0, "suspect": 0, **counts}


def test_keeps_the_newest_of_each_item() -> None:
    first, second, other = reading(1, "36"), reading(2, "37"), reading(1, "16", "NODE3000004")

    news = fold([first, other, second], {})

    assert news.changed == {"NODE3000005": seen(second), "NODE3000004": seen(other)}
    assert news.outcomes == outcomes(applied=3)


def test_a_duplicate_changes_nothing() -> None:
    known = reading(1, "36")

    news = fold([known], {"NODE3000005": seen(known)})

    assert (news.changed, news.outcomes) == ({}, outcomes(duplicate=1))


def test_an_older_reading_changes_nothing() -> None:
    news = fold([reading(1, "36")], {"NODE3000005": seen(reading(2, "37"))})

    assert (news.changed, news.outcomes) == ({}, outcomes(older=1))


def test_another_value_with_the_same_time_stamp_is_news_and_both_are_remembered() -> None:
    first, second = reading(1, "36"), reading(1, "37")

    news = fold([second, first, second], {"NODE3000005": seen(first)})

    assert news.changed == {"NODE3000005": seen(second, first)}
    assert news.outcomes == outcomes(applied=1, duplicate=2)


def test_a_suspect_reading_is_not_believed() -> None:
    news = fold([reading(3, "0", suspect="zero_burst")], {"NODE3000005": seen(reading(2, "37"))})

    assert (news.changed, news.outcomes) == ({}, outcomes(suspect=1))


def test_what_is_held_is_left_as_it_is() -> None:
    held = {"NODE3000005": seen(reading(1, "36"))}

    fold([reading(2, "37")], held)

    assert held == {"NODE3000005": seen(reading(1, "36"))}


TRIED = "test|NODE3000005"
"""The series of the test readings of the tank."""


def tried(at: datetime, value: str = "99") -> Reading:
    return new_reading("NODE3000005", at, value, ingest_ts=at, source="test")


def test_a_test_reading_is_kept_apart_from_that_of_the_feed() -> None:
    known, soon = reading(1, "36"), tried(START + timedelta(minutes=5))

    assert fold([soon], {"NODE3000005": seen(known)}).changed == {TRIED: seen(soon)}


def test_of_two_test_readings_the_newer_one_is_kept() -> None:
    first, second = tried(START, "1"), tried(START + timedelta(seconds=1), "2")
    kept = fold([first, second, first], {})

    assert kept.changed == {TRIED: seen(second)}
    assert kept.outcomes == outcomes(applied=2, older=1)
    assert fold([second], kept.changed).outcomes == outcomes(duplicate=1)


def test_a_test_reading_that_an_earlier_version_kept_under_its_item_yields_to_the_feed() -> None:
    known = reading(1, "36")
    held = {"NODE3000005": {**seen(known), "reading": to_builtins(tried(START + timedelta(minutes=5)))}}

    # A session of the feed begins with the value that has been there since: the same reading again.
    assert fold([known], held).changed == {"NODE3000005": seen(known)}


def test_the_first_reading_of_another_feed_replaces_what_the_one_before_left() -> None:
    simulated = reading_of("NODE3000005", "40", START + timedelta(hours=1), source="simulated")
    first, older = reading(1, "36"), reading(0, "35")

    assert fold([simulated, first, older], {}).changed == {"NODE3000005": seen(first)}
    assert fold([first, older], {"NODE3000005": seen(simulated)}).changed == {"NODE3000005": seen(first)}


@given(
    real=st.lists(st.integers(0, 600), min_size=1, unique=True),
    tests=st.lists(st.tuples(st.integers(0, 20), st.integers(-600, 900))),
)
def test_no_test_reading_changes_what_becomes_of_a_real_one(
    real: list[int], tests: list[tuple[int, int]]
) -> None:
    alone = [reading(second, str(second)) for second in real]
    among = list(alone)
    for place, second in tests:
        among.insert(min(place, len(among)), tried(START + timedelta(seconds=second), f"test {second}"))

    expected, found = fold(alone, {}).changed, fold(among, {}).changed
    assert found["NODE3000005"] == expected["NODE3000005"]


def test_a_reading_of_a_clock_that_was_ahead_is_overtaken_by_a_right_one() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    ahead, right, late = (
        new_reading("NODE3000005", at, "37", ingest_ts=at, source="isslive")
        for at in (now + timedelta(days=365), now, now - timedelta(seconds=1))
    )
    news = fold([ahead, right, late], {})

    assert news.changed == {"NODE3000005": seen(right)}
    assert news.outcomes == outcomes(applied=2, older=1)
    # Of two that are both ahead of our clock, it is that one which is late.
    later = new_reading("NODE3000005", now + timedelta(days=366), "38", ingest_ts=now, source="isslive")
    assert fold([later, ahead], {}).changed == {"NODE3000005": seen(later)}
