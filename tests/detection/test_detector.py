from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from iss_agents.detection.detector import detect
from iss_agents.detection.events import ConfidenceParts, UnobservedRise, Urination, event_id
from iss_agents.detection.rising import MOST_LEVELS
from iss_agents.detection.state import State, decode_state, encode_state
from tests.detection.factory import (
    LARGE_USE,
    NOW,
    SMALL_USE,
    Shown,
    after,
    around_loss,
    clock,
    clocks,
    events_of,
    in_order,
    percents,
    processor,
    steps,
    stream,
    tank,
)

USE, UNOBSERVED = Urination.__name__, UnobservedRise.__name__


def test_a_large_use_is_told_45_seconds_after_its_last_step() -> None:
    assert events_of(stream(LARGE_USE, 400)) == [
        Urination(
            schema_version=1,
            event_id=event_id("use", after(205), after(240), 37.0, 45.0, "isslive"),
            start=after(205),
            end=after(240),
            detected_at=after(285),
            level_before=37.0,
            level_after=45.0,
            delta_percent=8.0,
            confidence=1.0,
            confidence_parts=ConfidenceParts(size=1.0, steadiness=1.0, pace=1.0, evidence=1.0),
            processor_running=False,
            readings=8,
            source="isslive",
            reading_ids=tuple(one.event_id for one in (tank(205, 38), tank(240, 45), clock(285))),
        )
    ]


def test_a_small_use_with_bounces_is_told_when_the_level_did_not_creep_on() -> None:
    (use,) = events_of(stream(SMALL_USE, 400))

    assert isinstance(use, Urination)
    assert (use.delta_percent, use.detected_at) == (3.0, after(285))


def test_a_use_while_the_processor_drains_says_so() -> None:
    drained = [(0, 38), (150, 37), *LARGE_USE[1:]]
    (use,) = events_of(in_order(processor(0, "16.00"), *stream(drained, 400)))

    assert isinstance(use, Urination)
    assert use.processor_running


def test_two_people_within_minutes_are_two_uses() -> None:
    second = [(300 + 5 * step, 45 + step) for step in range(1, 6)]

    assert percents(stream([*LARGE_USE, *second], 500)) == [(USE, 8.0), (USE, 5.0)]


FLAPS = [(at, 26 + at % 2) for at in range(300)]
SLOW_FLAPS = [(at * 70, 26 + at % 2) for at in range(20)]
DRAIN = [step for drop in range(4) for step in [(300 * drop + 10, 50 - drop), (300 * drop + 30, 51 - drop)]]
OSCILLATION = [(0, 50), (60, 49), (70, 50), (88, 49), (106, 51), (124, 49)]
LONG = [(100 + 6 * step, 20 + step) for step in range(30)]
SLOW = [(100 + 40 * step, 20 + step) for step in range(10)]
FAST = [(100 + step, 20 + step) for step in range(12)]
SWAP = [(0, 70), (100, 9), (101, 10), (160, 9)]
RESET = [(0, 20), (100, 26), (160, 27)]
UNMARKED_ZERO = [(0, 35), (100, 0), (160, 35)]
NEGATIVE = [(0, 35), (100, -5), (160, 35)]
BEYOND_MEASURE = [(0, 35), (100, 1.5e308), (101, 1.6e308), (160, 35)]
ZERO_FIRST = [(0, 0), (100, 35), (160, 35)]
ZERO_OF_A_LOW_TANK = [(0, 2), (100, 0), (160, 2)]
CALIBRATION = [(0, 20), (100, 22)]
CALIBRATION_DOWN_AND_UP = [(0, 20), (100, 18), (160, 20)]
REVERTED = [(0, 20), (100, 21), (105, 22), (130, 20)]


NO_USES = {
    "fast flapping": FLAPS,
    "slow flapping": SLOW_FLAPS,
    "drain": DRAIN,
    "oscillation": OSCILLATION,
    "long transfer": LONG,
    "slow transfer": SLOW,
    "fast transfer": FAST,
    "swap": SWAP,
    "reset": RESET,
    "unmarked zero": UNMARKED_ZERO,
    "zero first": ZERO_FIRST,
    "zero of a low tank": ZERO_OF_A_LOW_TANK,
    "calibration": CALIBRATION,
    "calibration down and up": CALIBRATION_DOWN_AND_UP,
    "negative": NEGATIVE,
    "beyond measure": BEYOND_MEASURE,
    "reverted": REVERTED,
}


@pytest.mark.parametrize("shown", NO_USES.values(), ids=NO_USES)
def test_what_is_no_use_is_no_event(shown: Shown) -> None:
    assert events_of(stream(shown, round(shown[-1][0]) + 200)) == []


@pytest.mark.parametrize("first", [[(0, 0)], [(0, 2), (20, 1), (90, 0)], [(0, 1), (60, 0), (70, 1), (75, 0)]])
def test_a_use_that_fills_an_empty_tank_is_found(first: Shown) -> None:
    use = [(200 + 6 * step, step) for step in range(1, 6)]

    assert percents(stream([*first, *use], 400)) == [(USE, 5.0)]


def test_a_zero_before_a_gap_is_not_the_level_that_a_rise_starts_from() -> None:
    zero_first = in_order(*clocks(0, 300), clock(300, status_class="1"), *clocks(600, 700), tank(0, 0))

    assert events_of(in_order(*zero_first, tank(601, 35))) == []
    assert events_of(in_order(*stream([(0, 0)], 500), tank(200, 35, snapshot=True, session=2))) == []


def test_a_use_after_flapping_is_one_use() -> None:
    use = [(305 + 5 * step, 28 + step) for step in range(7)]

    ((kind, percent),) = percents(stream([*FLAPS, *use], 500))

    assert kind == USE
    assert percent == pytest.approx(34 - 26.5, abs=0.2)


def test_a_rise_over_a_loss_of_signal_is_unobserved() -> None:
    (rise,) = events_of(around_loss(700, tank(601, 27)))

    assert rise == UnobservedRise(
        schema_version=1,
        event_id=event_id("unobserved", after(300), after(601), 20.0, 27.0, "isslive"),
        start=after(300),
        end=after(601),
        detected_at=after(621),
        level_before=20.0,
        level_after=27.0,
        delta_percent=7.0,
        processor_running=False,
        readings=1,
        source="isslive",
        reading_ids=(clock(621).event_id,),
    )


def test_a_drop_over_a_loss_of_signal_is_no_event() -> None:
    assert events_of(around_loss(700, tank(601, 12))) == []


def test_a_use_that_the_loss_of_signal_cut_is_unobserved_as_a_whole() -> None:
    began = [tank(290, 21), tank(295, 22)]

    assert percents(around_loss(700, *began, tank(600, 26))) == [(UNOBSERVED, 6.0)]


def test_a_use_that_had_rested_before_the_loss_of_signal_is_a_use() -> None:
    use = [tank(250 + 5 * step, 20 + step) for step in range(1, 6)]
    (told,) = events_of(around_loss(700, *use))

    assert isinstance(told, Urination)
    assert (told.delta_percent, told.detected_at) == (5.0, after(300))


@pytest.mark.parametrize("measured", [330, 450, 600])
def test_a_silent_clock_hides_what_rises_meanwhile(measured: float) -> None:
    """The level may arrive before the first tick and be dated anywhere in the silence."""
    level = tank(measured, 28, ingest_ts=after(605))

    assert percents(in_order(*clocks(0, 300), tank(0, 20), level, *clocks(600, 700))) == [(UNOBSERVED, 8.0)]


def test_a_snapshot_with_an_old_time_stamp_is_a_change_that_nobody_saw() -> None:
    old = tank(250, 24, ingest_ts=after(406), snapshot=True, session=2)

    assert percents(in_order(*stream([(0, 20)], 500), old)) == [(UNOBSERVED, 4.0)]


def test_a_jump_in_a_snapshot_is_unobserved() -> None:
    fresh = tank(400, 24, snapshot=True, session=2)

    assert percents(in_order(*stream([(0, 20)], 500), fresh)) == [(UNOBSERVED, 4.0)]


def test_a_level_of_another_status_class_hides_the_level() -> None:
    static = tank(200, 31, status_class="9")

    assert percents(in_order(*stream([(0, 20), (300, 25)], 400), static)) == [(UNOBSERVED, 5.0)]


@pytest.mark.parametrize("suspect", ["zero_burst", "frozen"])
def test_suspect_readings_change_nothing(suspect: str) -> None:
    believed = stream(LARGE_USE, 400)
    doubted = [tank(at + 0.1, 0, suspect=suspect) for at in (100, 210, 250)]

    assert events_of(in_order(*believed, *doubted)) == events_of(believed)


def test_readings_that_come_again_or_go_back_in_time_change_nothing() -> None:
    once = stream(SMALL_USE, 400)
    again = [
        late for number, one in enumerate(once) for late in (one, once[number // 2], once[number - number % 50])
    ]

    assert events_of(again) == events_of(once)


def test_two_levels_of_one_moment_both_count() -> None:
    state = State()
    for percent in (20, 21, 20):
        state, _ = detect(state, tank(0, percent))

    assert [level.value for level in state.levels] == [20, 21]


def test_a_use_across_new_year_is_one_use() -> None:
    shift = datetime(2026, 12, 31, 23, 56, 30, tzinfo=UTC) - NOW
    moved = [
        replace(one, source_ts=one.source_ts + shift, sequence=one.sequence + int(shift.total_seconds()) * 1000)
        for one in stream(LARGE_USE, 400)
    ]
    (use,) = events_of(moved)

    assert (use.start.year, use.end.year, use.delta_percent) == (2026, 2027, 8.0)


def test_without_a_clock_the_next_level_decides() -> None:
    (use,) = events_of([tank(at, percent) for at, percent in [*LARGE_USE, (900, 44)]])

    assert (use.delta_percent, use.detected_at) == (8.0, after(900))


@pytest.mark.parametrize("source", ["test", "simulated"])
def test_one_foreign_reading_makes_the_event_foreign(source: str) -> None:
    readings = stream(LARGE_USE, 400)
    place = next(number for number, one in enumerate(readings) if one.value == "40")
    readings[place] = replace(readings[place], source=source)
    (use,) = events_of(readings)

    assert use.source == source


def test_the_state_stays_small_however_fast_the_level_flaps() -> None:
    state = State()
    for number in range(5000):
        state, _ = detect(state, tank(number / 50, 20 + number % 2))

    assert len(state.levels) == MOST_LEVELS


@pytest.mark.parametrize("level", [-5, 101, 17 * 10**307], ids=["negative", "overfull", "beyond measure"])
def test_a_level_that_is_no_percentage_is_not_remembered_and_the_state_survives(level: int) -> None:
    shown: Shown = [(0, 35), (100, level), (110, level)]
    *_, (state, _) = steps(stream(shown, 400))

    assert {remembered.value for remembered in state.levels} == {35.0}
    assert decode_state(encode_state(state)) == state
