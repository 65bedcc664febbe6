from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from iss_agents.simulator.tank import NORMAL, Tank
from iss_agents.simulator.updates import TIME_STAMP, VALUE
from iss_agents.telemetry.station_clock import source_time

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def levels(tank: Tank, duration: timedelta, item_id: str = "NODE3000005") -> list[tuple[datetime, int]]:
    updates = tank.due(START) + tank.due(START + duration)
    return [
        (source_time(float(update.fields[TIME_STAMP] or ""), START + duration), int(update.fields[VALUE] or ""))
        for update in updates
        if update.item_id == item_id
    ]


@pytest.mark.parametrize("seed", range(20))
def test_every_run_shows_a_use_within_two_minutes(seed: int) -> None:
    tank = Tank(seed)
    before, *_ = levels(tank, timedelta(minutes=2))
    after = levels(Tank(seed), timedelta(minutes=2))[-1]

    assert tank.uses[0].end < START + timedelta(seconds=90)
    assert after[1] - before[1] >= 2


def test_same_seed_same_readings() -> None:
    hour = timedelta(hours=1)

    assert levels(Tank(7), hour) == levels(Tank(7), hour)
    assert levels(Tank(7), hour) != levels(Tank(8), hour)


def test_readings_do_not_depend_on_how_often_the_tank_is_asked() -> None:
    often, once = Tank(1), Tank(1)
    asked = often.due(START)
    for second in range(1, 601):
        asked += often.due(START + timedelta(seconds=second))

    assert asked == once.due(START) + once.due(START + timedelta(minutes=10))


def test_level_flaps_between_neighbours_and_only_changes_are_sent() -> None:
    values = [value for _, value in levels(Tank(3), timedelta(hours=3))]
    flaps = sum(a == c and abs(a - b) == 1 for a, b, c in zip(values, values[1:], values[2:], strict=False))

    assert all(before != after for before, after in pairwise(values))
    assert flaps > 10


def test_processor_drains_the_full_tank_at_one_percent_in_five_minutes() -> None:
    tank = Tank(0)
    day = timedelta(hours=24)
    states = levels(tank, day, "NODE3000004")
    begin = next(time for time, state in states if str(state) == NORMAL)
    end = next(time for time, state in states if time > begin and str(state) != NORMAL)
    risen = sum(use.rise for use in tank.uses if begin < use.start < end)
    drained = (end - begin) / timedelta(minutes=5)

    assert drained - risen == pytest.approx(70 - 8, abs=10)


def test_level_stays_between_0_and_100_for_three_days() -> None:
    values = [value for _, value in levels(Tank(5), timedelta(days=3))]

    assert 0 <= min(values) <= 8
    assert 70 <= max(values) <= 100
