"""What the station sends, and which of it the feed may miss."""

from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.simulator.updates import TIME_STAMP, VALUE, time_stamp
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.shards import Shard
from iss_agents.tools.soak.completeness import Recorded
from iss_agents.tools.soak.station import LOST_BEFORE, Measurements, StationClock, StationLoad

SHARD = Shard(1, 2)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_each_item_counts_and_the_clock_ticks() -> None:
    measurements = Measurements(["A", "B"], rate=4)
    measurements.due(NOW)
    updates = measurements.due(NOW + SECOND)

    assert [(update.item_id, update.fields[VALUE]) for update in updates[1:]] == [
        ("A", "1"),
        ("B", "1"),
        ("A", "2"),
        ("B", "2"),
    ]
    assert updates[0].item_id == SIGNAL_ITEM
    assert {update.fields[TIME_STAMP] for update in updates} == {time_stamp(NOW + SECOND)}
    assert measurements.numbers["A"][1].sent == measurements.numbers["A"][1].dated == NOW + SECOND


def test_nothing_is_measured_during_a_pause_and_nothing_is_made_up_for() -> None:
    measurements = Measurements(["A"], rate=1)
    measurements.due(NOW)
    measurements.paused = True
    assert [update.item_id for update in measurements.due(NOW + 5 * SECOND)] == [SIGNAL_ITEM]
    measurements.paused = False

    assert [update.fields[VALUE] for update in measurements.due(NOW + 6 * SECOND)[1:]] == ["1"]


def test_a_clock_that_is_wrong_dates_what_is_measured_and_is_right_again() -> None:
    clock = StationClock()
    with clock.ahead(timedelta(hours=-2)):
        assert clock.read(NOW) == NOW - timedelta(hours=2)
    with clock.standing(NOW):
        assert clock.read(NOW + SECOND) == NOW
    assert clock.read(NOW + SECOND) == NOW + SECOND


def test_a_number_may_be_lost_only_in_a_recorded_gap_of_a_disturbance() -> None:
    station, item, sent = _station()
    gap = Recorded.of([{"start": sent, "end": sent}], [])
    assert not station.is_excused(item, 1, gap)

    station.disturb()
    assert station.is_excused(item, 1, gap)
    assert not station.is_excused(item, 1, Recorded())
    assert not station.is_excused(item, 1, Recorded.of([{"start": sent, "end": sent, "shard": "2/2"}], []))


def test_what_is_sent_before_or_after_a_disturbance_may_not_be_lost() -> None:
    station, item, sent = _station()
    station.disturb()
    station.calm()
    numbers = station.measurements.numbers[item]
    everything = Recorded.of([{"start": sent - timedelta(days=1), "end": sent + timedelta(days=1)}], [])
    for seconds in (-1.1 * LOST_BEFORE.total_seconds(), 1.1):
        numbers.append(numbers[0]._replace(sent=datetime.now(UTC) + timedelta(seconds=seconds)))

    assert [station.is_excused(item, number, everything) for number in (1, 2, 3)] == [True, False, False]


def test_only_what_was_overwritten_is_excused_without_a_gap() -> None:
    station, item, _ = _station()
    station.overwritten.add((item, 2))
    assert not station.is_excused(item, 1, Recorded())

    station.overwritten.add((item, 1))
    assert station.is_excused(item, 1, Recorded())


@pytest.mark.parametrize("refused", [True, False], ids=["a clock is wrong", "the clocks are right"])
def test_a_number_may_be_refused_only_while_a_clock_is_wrong(*, refused: bool) -> None:
    station, item, _ = _station()
    assert not station.may_be_refused(item, 1)

    station.disturb(refused=refused)
    assert station.may_be_refused(item, 1) is refused
    assert not station.may_be_refused(item, 2)


def test_the_clock_is_not_numbered_and_every_item_is_of_the_shard() -> None:
    items = StationLoad(SHARD, rate=40).measurements.numbers

    assert SIGNAL_ITEM not in items
    assert items
    assert all(map(SHARD.holds, items))


def _station() -> tuple[StationLoad, str, datetime]:
    """Return a station that has sent one number just now, its item, and when that was."""
    station = StationLoad(SHARD, rate=1)
    now = datetime.now(UTC)
    station.measurements.due(now - SECOND)
    station.measurements.due(now)
    ((item, _),) = station.last().items()
    return station, item, now
