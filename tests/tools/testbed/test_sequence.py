from datetime import UTC, datetime, timedelta

from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers, reading_of

START = datetime(2026, 11, 24, tzinfo=UTC)


def test_each_value_is_its_own_count_and_what_is_late_is_not_left_out() -> None:
    numbers = Numbers(START, rate=len(NUMBERED_ITEMS))
    first = numbers.due(START + timedelta(seconds=1))
    rest = numbers.due(START + timedelta(seconds=3.5))

    assert [item for item, _, _ in first] == list(NUMBERED_ITEMS)
    assert {number for _, number, _ in first} == {1}
    assert [number for item, number, _ in rest if item == NUMBERED_ITEMS[0]] == [2, 3, 4]
    assert numbers.last()[NUMBERED_ITEMS[0]] == 4
    assert numbers.last()[NUMBERED_ITEMS[-1]] == 3


def test_the_time_of_a_value_follows_from_its_count() -> None:
    numbers = Numbers(START, rate=500)

    for item, number, time in numbers.due(START + timedelta(seconds=2)):
        assert numbers.time_of(item, number) == time


def test_a_reading_carries_its_count() -> None:
    (numbered,) = Numbers(START, rate=1).due(START + timedelta(seconds=1))
    reading = reading_of(numbered, START)

    assert (reading.item_id, reading.value, reading.source_ts) == (NUMBERED_ITEMS[0], "1", START)
