"""Agent `watch_tank`: follows the urine tank, and detects uses of the toilet."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from aiokafka import ConsumerRecord
from faust.types import EventT, StreamT

from iss_agents.application import app
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State, is_ahead_of_time, is_of_another_source
from iss_agents.runtime.metrics import EVENTS_DETECTED
from iss_agents.streaming.batches import batches_of, run_batch
from iss_agents.streaming.decoding import readings_of
from iss_agents.streaming.outputs import Output
from iss_agents.telemetry.ordering import latest_plausible
from iss_agents.telemetry.records import Reading, encode
from iss_agents.telemetry.series import TEST, detector_of
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import EVENTS, WATER
from tables.tank_levels import tank_levels

logger = logging.getLogger(__name__)

water_topic = app.topic(WATER.name, value_serializer="raw", partitions=WATER.partitions)


@app.agent(water_topic, name="watch_tank")
async def watch_tank(batches: StreamT[Any]) -> None:
    """Follow the urine tank with a detector whose state is in `tank_levels`, and publish its events."""
    async for event in batches_of(batches):
        await run_batch(app, event, watch_batch)


async def watch_batch(event: EventT[Any]) -> None:
    """Process a batch of records."""
    await watch(await readings_of(event.value, app.outputs), event.value[-1])


async def watch(readings: Sequence[Reading], last: ConsumerRecord) -> None:
    """Write events first, then the Table, then the ack: a crash in between repeats events with their ids."""
    changed: dict[str, dict[str, Any]] = {}
    events: list[Event] = []
    for key, part in _by_detector(readings).items():
        before = state_of(tank_levels.get(key))
        state, decided = follow(before, part)
        events += decided
        if state != before:
            changed[key] = value_of(state)
    await app.outputs.send(EVENTS, 0, map(event_output, events))
    await tank_levels.write(changed, after=last)
    for event in events:
        if event.source != TEST:
            EVENTS_DETECTED.labels(event.__struct_config__.tag).inc()


def _by_detector(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """Return the readings by the key of their detector's state: test readings have a detector of their own."""
    parts: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        parts[detector_of(reading.source)].append(reading)
    return parts


def follow(state: State, readings: Iterable[Reading]) -> tuple[State, list[Event]]:
    """Return the state after all readings, and every event that they decided."""
    events: list[Event] = []
    latest = latest_plausible()
    for reading in readings:
        if is_ahead_of_time(state, reading, latest) or is_of_another_source(state, reading):
            # With the old state every reading until then would count as older, or as from that source.
            state = State()
        state, decided = detect(state, reading)
        events += decided
        for event in decided:
            # This line links the reading to the event, whose id is in the lines about the post.
            about = {"event_id": event.event_id, "trace_id": reading.event_id, "item": reading.item_id}
            logger.info("event %s follows from reading %s", event.event_id, reading.event_id, extra=about)
    return state, events


def state_of(value: dict[str, Any] | None) -> State:
    """Return the detector's state from the Table's value, the initial state without one."""
    return msgspec.convert(value["state"], State) if value else State()


def value_of(state: State) -> dict[str, Any]:
    """Return the Table's value of a state. Its sequence is that of the newest reading in the state."""
    newest = max(position.sequence for position in state.positions.values())
    return {"sequence": newest, "state": msgspec.to_builtins(state)}


def event_output(event: Event, *headers: tuple[str, bytes]) -> Output:
    """Return the record of an event."""
    return Output(event.event_id.encode(), encode(event), milliseconds(event.detected_at), headers)
