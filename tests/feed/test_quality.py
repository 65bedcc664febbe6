import pytest

from iss_agents.feed.quality import Freeze, ZeroBursts
from iss_agents.telemetry.records import Reading
from tests.feed.factory import ITEM, NUMBERS, arrived, clock, reading


def seen(*items: str) -> ZeroBursts:
    """A judge that believes another value than zero of each item."""
    bursts = ZeroBursts(Freeze().age)
    for item in items:
        check(bursts, reading(item, "37", at=-10))
    return bursts


def check(bursts: ZeroBursts, one: Reading) -> list[Reading]:
    return bursts.check(one, arrived(one))


def summary(readings: list[Reading]) -> list[tuple[str, str, str | None]]:
    return [(passed.item_id, passed.value, passed.suspect) for passed in readings]


def test_five_items_that_drop_to_zero_together_are_marked() -> None:
    bursts = seen(*NUMBERS)

    passed = [check(bursts, reading(item, "0", at=index / 10)) for index, item in enumerate(NUMBERS[:5])]

    assert passed[:4] == [[], [], [], []]
    assert summary(passed[4]) == [(item, "0", "zero_burst") for item in NUMBERS[:5]]


def test_a_zero_that_follows_in_the_same_burst_is_marked_at_once() -> None:
    bursts = seen(*NUMBERS)
    for item in NUMBERS[:5]:
        check(bursts, reading(item, "0"))

    assert summary(check(bursts, reading(NUMBERS[5], "0.00"))) == [(NUMBERS[5], "0.00", "zero_burst")]
    assert summary(check(bursts, reading(ITEM, "0", at=30))) == [(ITEM, "0", "zero_burst")]


def test_four_items_are_no_burst_and_are_released_unmarked_in_time() -> None:
    bursts = seen(*NUMBERS)
    for item in NUMBERS[:4]:
        assert check(bursts, reading(item, "0")) == []

    assert bursts.release(1.7) == []
    assert summary(bursts.release(1.8)) == [(item, "0", None) for item in NUMBERS[:4]]


def test_a_supply_that_is_switched_off_is_no_burst() -> None:
    suits = [f"AIRLOCK{number:06}" for number in (1, 2, 3, 4, 7, 8, 9, 10)]
    bursts = seen(*suits)

    assert [check(bursts, reading(item, "0", at=index / 10)) for index, item in enumerate(suits)] == [[]] * 8
    assert {passed.suspect for passed in bursts.release(3)} == {None}


def test_one_other_zero_at_the_same_instant_makes_it_no_burst_and_two_do() -> None:
    suits = [f"AIRLOCK{number:06}" for number in (1, 2, 3, 4, 7)]
    bursts = seen(*suits, "NODE3000009", "NODE3000008")
    for item in (*suits, "NODE3000009"):
        assert check(bursts, reading(item, "0")) == []

    assert len(summary(check(bursts, reading("NODE3000008", "0")))) == 7


def test_a_cabin_without_air_makes_zeros_of_one_discipline_a_burst() -> None:
    life_support = ["NODE3000005", "NODE3000008", "NODE3000009", "USLAB000057", "USLAB000058"]
    bursts = seen(*life_support)
    passed = [check(bursts, reading(item, "0")) for item in life_support]

    assert {one.suspect for one in passed[-1]} == {"zero_burst"}


def test_five_zeros_measured_seconds_apart_are_no_burst() -> None:
    bursts = seen(*NUMBERS)

    for index, item in enumerate(NUMBERS[:5]):
        assert check(bursts, reading(item, "0", age=6 + 3 * index)) == []

    assert {passed.suspect for passed in bursts.release(2)} == {None}


def test_what_follows_a_held_zero_waits_behind_it_in_order() -> None:
    bursts = seen(ITEM)
    sent = [reading(value=value, at=at) for value, at in (("0", 0.0), ("36", 0.5), ("37", 1.0))]

    assert [check(bursts, one) for one in sent] == [[], [], []]
    assert check(bursts, reading("NODE3000008", "50", at=1.1)) == [reading("NODE3000008", "50", at=1.1)]
    assert bursts.release(1.8) == sent


def test_what_follows_a_zero_of_a_burst_is_believed() -> None:
    bursts = seen(*NUMBERS)
    check(bursts, reading(ITEM, "0"))
    check(bursts, reading(ITEM, "37", at=0.5))

    passed = [one for item in NUMBERS[1:5] for one in check(bursts, reading(item, "0", at=1))]

    assert summary(passed)[:2] == [(ITEM, "0", "zero_burst"), (ITEM, "37", None)]


def test_a_zero_that_begins_to_wait_anew_while_a_burst_is_released_loses_nothing() -> None:
    bursts = seen(*NUMBERS)
    sent = [reading(ITEM, "0"), reading(ITEM, "37", at=0.5), reading(ITEM, "0", at=1.0, age=1)]
    sent += [reading(item, "0", at=1.2) for item in NUMBERS[1:]]

    passed = [one for each in sent for one in check(bursts, each)] + bursts.finish(2)

    assert sorted(one.event_id for one in passed) == sorted(one.event_id for one in sent)
    assert [one.value for one in passed if one.item_id == ITEM] == ["0", "37", "0"]


def test_an_item_that_stays_at_zero_for_a_minute_is_believed() -> None:
    bursts = seen(*NUMBERS)
    for item in NUMBERS:
        check(bursts, reading(item, "0"))
    for item in NUMBERS[1:]:
        check(bursts, reading(item, "5", at=20))

    assert summary(check(bursts, reading(ITEM, "0", at=59.9))) == [(ITEM, "0", "zero_burst")]
    assert summary(check(bursts, reading(ITEM, "0", at=60))) == [(ITEM, "0", None)]


def test_a_burst_asks_for_a_snapshot_after_a_minute_if_something_is_still_zero() -> None:
    bursts = seen(*NUMBERS)
    for item in NUMBERS:
        check(bursts, reading(item, "0"))

    bursts.release(59)
    assert not bursts.needs_snapshot
    bursts.release(60)
    assert bursts.needs_snapshot


def test_a_burst_asks_for_nothing_if_every_item_is_back() -> None:
    bursts = seen(*NUMBERS)
    for at, value in ((0, "0"), (20, "5")):
        for item in NUMBERS:
            check(bursts, reading(item, value, at=at))

    bursts.release(60)

    assert not bursts.needs_snapshot


def test_old_zeros_of_a_snapshot_pass_at_once() -> None:
    bursts = ZeroBursts(Freeze().age)
    sent = [reading(item, "0", age=60 + 1000 * index, snapshot=True) for index, item in enumerate(NUMBERS)]

    assert [check(bursts, one) for one in sent] == [[one] for one in sent]


def test_fresh_zeros_of_items_never_seen_wait_and_are_not_marked() -> None:
    bursts = ZeroBursts(Freeze().age)
    sent = [reading(item, "0", snapshot=True) for item in NUMBERS]

    assert [check(bursts, one) for one in sent] == [[]] * len(sent)
    assert bursts.release(1.8) == sent


def test_an_item_that_is_at_zero_already_does_not_wait() -> None:
    bursts = seen(ITEM)
    check(bursts, reading(ITEM, "0"))
    bursts.release(2)

    assert check(bursts, reading(ITEM, "0.0", at=3)) == [reading(ITEM, "0.0", at=3)]


def test_an_enum_with_a_state_zero_does_not_wait() -> None:
    off = reading("USLAB000095", "0")
    bursts = seen("USLAB000095")

    assert check(bursts, off) == [off]


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_step_of_our_clock_neither_releases_what_waits_nor_holds_it_for_longer(step: float) -> None:
    bursts = seen(ITEM)
    sent = [reading(value="0"), *(reading(value=str(number), at=step + number / 10) for number in range(1, 4))]

    assert [bursts.check(one, number / 10) for number, one in enumerate(sent)] == [[]] * 4
    assert bursts.release(1.7) == []
    assert bursts.release(1.8) == sent


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_step_of_our_clock_does_not_end_a_burst(step: float) -> None:
    bursts = seen(*NUMBERS)
    for item in NUMBERS:
        check(bursts, reading(item, "0"))

    assert summary(bursts.check(reading(ITEM, "0", at=step), 59)) == [(ITEM, "0", "zero_burst")]


def test_a_burst_is_seen_however_late_the_stations_clock_is() -> None:
    freeze = Freeze()
    for at in (-30, -29):
        freeze.check(clock(at, age=300), at)
    bursts = ZeroBursts(freeze.age)
    for item in NUMBERS:
        check(bursts, reading(item, "37", at=-10, age=300))

    passed = [one for item in NUMBERS for one in check(bursts, reading(item, "0", age=300))]

    assert {one.suspect for one in passed} == {"zero_burst"}
