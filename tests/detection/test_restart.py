"""Wherever the stream is cut, the events are the same."""

from random import Random

import pytest

from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State, decode_state, encode_state
from iss_agents.telemetry.records import Reading
from iss_agents.tools.evaluation.scenario_catalog import SCENARIOS
from tests.detection.factory import SMALL_USE, around_loss, clock, events_of, in_order, stream, tank

REDELIVERED = 100

BUSY = in_order(
    *stream([*SMALL_USE, *((400 + 5 * step, 22 + step) for step in range(1, 9)), (600, 29)], 700),
    clock(700, status_class="1"),
    clock(1000),
    tank(1001, 36),
    *(clock(at) for at in range(1002, 1100)),
)


def run_from(state: State, readings: list[Reading]) -> list[Event]:
    events = []
    for reading in readings:
        state, decided = detect(state, reading)
        events += decided
    return events


def test_cut_at_every_reading_the_stream_gives_the_same_events() -> None:
    whole = events_of(BUSY)
    assert [type(event).__name__ for event in whole] == ["Urination", "Urination", "UnobservedRise"]

    state, told = State(), list[Event]()
    for number, reading in enumerate(BUSY):
        resumed = decode_state(encode_state(state))
        assert resumed == state
        assert told + run_from(resumed, BUSY[number:]) == whole
        state, decided = detect(resumed, reading)
        told += decided

    assert told == whole


def test_what_is_delivered_again_after_a_restart_tells_nothing_twice() -> None:
    state, told = State(), list[Event]()
    for begin in range(0, len(BUSY), REDELIVERED):
        state = decode_state(encode_state(state))
        for reading in BUSY[max(0, begin - REDELIVERED) : begin + REDELIVERED]:
            state, decided = detect(state, reading)
            told += decided

    assert told == events_of(BUSY)


@pytest.mark.parametrize("name", ["uses around gaps", "static status", "two people", "repeated readings"])
def test_a_state_survives_its_bytes_in_modelled_streams(name: str) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    readings = list(scenario.stream(Random(1)).readings())
    state, told = State(), list[Event]()
    for reading in readings:
        state, decided = detect(decode_state(encode_state(state)), reading)
        told += decided

    assert told == run_from(State(), readings)
    assert told


def test_a_state_is_left_as_it_was() -> None:
    state = State()
    for reading in around_loss(700, tank(601, 27)):
        before = encode_state(state)
        newer, _ = detect(state, reading)
        assert encode_state(state) == before
        state = newer
