from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from iss_agents.agents import watch_tank as module
from iss_agents.agents.watch_tank import follow
from iss_agents.application import app
from iss_agents.detection.events import Event, decode_event
from iss_agents.detection.state import State
from iss_agents.telemetry.catalog import PROCESSOR_ITEM
from iss_agents.telemetry.ordering import latest_plausible
from iss_agents.telemetry.records import Reading, Source
from iss_agents.telemetry.station_clock import milliseconds
from tests.detection.factory import LARGE_USE, SMALL_USE, stream

LAST: Any = object()
AHEAD = timedelta(seconds=290)


def test_a_line_leads_from_the_reading_that_decided_to_the_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "iss_agents.agents.watch_tank")
    readings = stream(SMALL_USE, 400)
    (event,) = follow(State(), readings)[1]

    (line,) = map(vars, caplog.records)
    decided = {reading.event_id: reading for reading in readings}[line["trace_id"]]
    assert decided.source_ts == event.detected_at
    assert (line["event_id"], line["item"]) == (event.event_id, decided.item_id)
    assert event.reading_ids[-1] == line["trace_id"]


def test_a_state_of_a_clock_that_was_ahead_is_forgotten_and_the_next_use_is_seen() -> None:
    ahead, _ = follow(State(), moved(stream([(0, 50)], 60), timedelta(days=365)))
    state, events = follow(ahead, moved(stream(SMALL_USE, 400), timedelta(0)))

    assert [event.delta_percent for event in events] == [3.0]
    assert max(position.sequence for position in state.positions.values()) < latest_plausible()


def test_a_worker_whose_clock_is_late_forgets_nothing() -> None:
    readings = moved(stream(SMALL_USE, 400), timedelta(days=3))
    _, events = follow(State(), readings)
    state, first = follow(State(), readings[:210])
    _, second = follow(state, readings[210:])

    assert first + second == events != []


def moved(readings: list[Reading], by: timedelta) -> list[Reading]:
    """Return readings that end now, or that much later."""
    shift = datetime.now(UTC).replace(microsecond=0) - readings[-1].source_ts + by
    return [
        replace(one, source_ts=at, ingest_ts=at, sequence=milliseconds(at))
        for one in readings
        if (at := one.source_ts + shift)
    ]


@pytest.mark.parametrize("other", ["test", "simulated"])
def test_a_use_is_the_stations_though_the_processors_state_came_from_elsewhere_before(other: Source) -> None:
    # A version ago a test reading was part of the station's state; or the feed was a simulator.
    readings = stream(SMALL_USE, 400)
    running = replace(readings[0], item_id=PROCESSOR_ITEM, value="16", source=other)
    state, _ = follow(State(), [running])
    _, events = follow(state, readings)

    assert [(event.source, event.processor_running) for event in events] == [("isslive", False)]


async def test_test_readings_silence_no_real_use_and_make_uses_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = stream(LARGE_USE, 400)
    sent: list[Event] = []

    async def send(_topic: Any, _partition: int, outputs: Any) -> None:
        sent.extend(decode_event(output.value) for output in outputs)

    class Table(dict[str, Any]):
        async def write(self, values: dict[str, Any], after: Any) -> None:
            assert after is LAST
            self.update(values)

    monkeypatch.setattr(module, "tank_levels", Table())
    monkeypatch.setattr(app, "outputs", SimpleNamespace(send=send))
    tests = [
        replace(one, source="test", sequence=one.sequence + 290_000, source_ts=one.source_ts + AHEAD)
        for one in real
    ]
    for one, test in zip(real, tests, strict=True):
        await module.watch([test, one], LAST)

    assert sorted((event.source, event.delta_percent) for event in sent) == [("isslive", 8.0), ("test", 8.0)]
    _, expected = follow(State(), real)
    assert [event for event in sent if event.source == "isslive"] == expected
