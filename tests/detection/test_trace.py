"""From a reading of the tank to its event, the decision on it and their documents."""

from iss_agents.announcers.dispatcher import Dispatcher
from iss_agents.announcers.retry import RetryTiming
from iss_agents.archive.destinations import EVENTS, POSTS
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Urination
from iss_agents.detection.state import Rise, State, decode_state, encode_state
from iss_agents.runtime.health import Health
from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import Reading, encode
from tests.announcers.factory import FakeTime
from tests.detection.factory import (
    LARGE_USE,
    NOW,
    SMALL_USE,
    Shown,
    after,
    around_loss,
    events_of,
    stream,
    tank,
)
from tests.web.archived import ArchivedMessage

RISING = 260
"""Readings of LARGE_USE after which it has risen and is not over."""


def traced(shown: Shown) -> list[tuple[str, float, str]]:
    """Return item, second and value of each reading that the only event of a stream names."""
    readings = stream(shown, 500)
    (event,) = events_of(readings)
    by_id = {reading.event_id: reading for reading in readings}
    named = [by_id[name] for name in event.reading_ids]
    assert named[-1].source_ts == event.detected_at
    return [(one.item_id, (one.source_ts - NOW).total_seconds(), one.value) for one in named]


def test_a_use_names_the_first_and_the_last_of_its_rise_and_what_decided() -> None:
    assert traced(LARGE_USE) == [
        (TANK_ITEM, 205, "38"),
        (TANK_ITEM, 240, "45"),
        (SIGNAL_ITEM, 285, "285000"),
    ]


def test_a_small_use_that_waited_names_what_confirmed_it() -> None:
    assert traced(SMALL_USE) == [
        (TANK_ITEM, 200, "20"),
        (TANK_ITEM, 215, "22"),
        (SIGNAL_ITEM, 285, "285000"),
    ]


def test_a_rise_that_nobody_saw_names_what_decided() -> None:
    readings = around_loss(700, tank(601, 27))
    (event,) = events_of(readings)

    (decided,) = [one for one in readings if one.event_id in event.reading_ids]
    assert decided.source_ts == event.detected_at


def test_a_rise_that_an_older_version_began_names_what_is_known() -> None:
    readings = stream(LARGE_USE, 500)
    state, events = run(State(), readings[:RISING])
    assert isinstance(state.rise, Rise)
    assert events == []
    older = encode_state(state).replace(f',"opened_by":"{state.rise.opened_by}"'.encode(), b"")
    older = older.replace(f',"high_by":"{state.rise.high_by}"'.encode(), b"")
    assert b"_by" not in older

    _, (event,) = run(decode_state(older), readings[RISING:])

    assert len(event.reading_ids) == 1


def run(state: State, readings: list[Reading]) -> tuple[State, list[Urination]]:
    uses: list[Urination] = []
    for reading in readings:
        state, events = detect(state, reading)
        uses += [event for event in events if isinstance(event, Urination)]
    return state, uses


async def test_the_decision_and_both_documents_name_the_same_readings() -> None:
    (use,) = events_of(stream(LARGE_USE, 500))
    assert isinstance(use, Urination)
    time = FakeTime(after(300))

    decision = await Dispatcher([], Health(), RetryTiming(time.clock, time.sleep)).announce(use, None)

    assert decision
    event = EVENTS.document(ArchivedMessage(EVENTS.topic.name, 0, 0, 0, encode(use)))
    post = POSTS.document(ArchivedMessage(POSTS.topic.name, 0, 0, 0, encode(decision)))
    assert len(use.reading_ids) == 3
    assert use.reading_ids == event["reading_ids"] == post["reading_ids"]
