"""A use is found though the feed falters, if every level of it comes; what was hidden stays unobserved."""

import pytest

from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event, UnobservedRise, Urination
from iss_agents.detection.state import decode_state, encode_state
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import Reading
from tests.detection.factory import (
    LARGE_USE,
    SMALL_USE,
    Shown,
    after,
    around_loss,
    clock,
    clocks,
    in_order,
    percents,
    steps,
    stream,
    tank,
)

USE, UNOBSERVED = Urination.__name__, UnobservedRise.__name__
START = 200
SMALL: Shown = [(0, 20), *((START + 6 * step, 20 + step) for step in range(4))]


def without_clock(readings: list[Reading], start: int, end: int) -> list[Reading]:
    return [
        one for one in readings if one.item_id != SIGNAL_ITEM or not after(start) <= one.source_ts < after(end)
    ]


@pytest.mark.parametrize("shown", [LARGE_USE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize("length", [3, 20])
@pytest.mark.parametrize("begin", range(START - 20, START + 46, 13))
def test_a_signal_lost_near_a_start_hides_nothing_if_all_levels_come(
    shown: Shown, begin: int, length: int
) -> None:
    whole = stream(shown, 500)
    lost = clock(begin, status_class="1", ingest_ts=after(begin + 5.9))
    readings = in_order(*without_clock(whole, begin, begin + length), lost)

    assert percents(readings) == percents(whole) == [(USE, float(shown[-1][1] - shown[0][1]))]


@pytest.mark.parametrize("begin", [START - 20, START + 5, START + 45])
def test_a_silent_clock_hides_nothing_if_all_levels_come(begin: int) -> None:
    whole = stream(LARGE_USE, 600)

    assert percents(without_clock(whole, begin, begin + 80)) == [(USE, 8.0)]


@pytest.mark.parametrize("begin", range(START - 20, START + 46, 13))
def test_a_backlog_is_judged_by_its_times(begin: int) -> None:
    """All of 40 s come at once after them."""
    end = begin + 40
    held_up = [
        tank(at, percent, ingest_ts=after(end + 6)) if begin <= at < end else tank(at, percent)
        for at, percent in LARGE_USE
    ]
    ticks = [*clocks(0, begin), *clocks(end, 500)]

    assert percents(in_order(*ticks, *held_up)) == [(USE, 8.0)]


@pytest.mark.parametrize("late", [26, 32, 40])
@pytest.mark.parametrize("shown", [LARGE_USE, SMALL_USE, SMALL], ids=["large", "bouncing", "small"])
def test_levels_that_come_late_are_judged_by_their_times(shown: Shown, late: int) -> None:
    levels = [tank(at, percent, ingest_ts=after(at + 6 + late)) for at, percent in shown]

    assert percents(in_order(*clocks(0, 500), *levels)) == percents(stream(shown, 500))


def test_a_doubtful_level_in_a_rise_hides_nothing_if_the_others_come() -> None:
    static = tank(212, 99, status_class="9")

    assert percents(in_order(*stream(LARGE_USE, 500), static)) == [(USE, 8.0)]


def test_a_long_loss_of_signal_after_a_use_is_not_a_part_of_it() -> None:
    use = [tank(250 + 6 * step, 20 + step) for step in range(1, 7)]

    assert percents(around_loss(700, *use, tank(602, 25))) == [(USE, 6.0)]


def test_two_points_that_appear_after_a_gap_are_unobserved() -> None:
    assert percents(around_loss(700, tank(601, 22))) == [(UNOBSERVED, 2.0)]


def test_a_flapping_level_that_is_two_points_higher_after_a_gap_is_unobserved() -> None:
    flaps = [tank(10 + at, 20 + at % 2) for at in range(0, 280, 3)]
    higher = [tank(601 + at, 22 + at % 2) for at in range(0, 90, 3)]

    ((kind, percent),) = percents(around_loss(700, *flaps, *higher))

    assert kind == UNOBSERVED
    assert percent == pytest.approx(2.0, abs=0.2)


def test_a_use_of_which_the_end_is_hidden_is_unobserved() -> None:
    began = [tank(290, 21), tank(295, 22)]

    assert percents(around_loss(700, *began, tank(600, 23))) == [(UNOBSERVED, 3.0)]


@pytest.mark.parametrize("measured", [310, 340])
def test_a_level_that_comes_before_the_clock_shows_its_silence_may_have_hidden_others(measured: int) -> None:
    early = tank(measured, 22, snapshot=True, session=2, ingest_ts=after(605))

    assert percents(in_order(*clocks(0, 300), tank(0, 20), early, *clocks(600, 700))) == [(UNOBSERVED, 2.0)]


def test_a_gap_that_an_older_version_noticed_is_unobserved() -> None:
    readings = stream(LARGE_USE, 500)
    lost = clock(START, status_class="1", ingest_ts=after(START + 5.9))
    readings = in_order(*without_clock(readings, START, START + 20), lost)
    cut = readings.index(lost) + 1
    *_, (state, _) = steps(readings[:cut])
    older = encode_state(state).replace(b',"whole":true', b"")
    state, told = decode_state(older), list[Event]()
    for one in readings[cut:]:
        state, events = detect(state, one)
        told += events

    assert [type(event) for event in told] == [UnobservedRise]
