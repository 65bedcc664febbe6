"""Follow the urine tank, and say when somebody used the toilet."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from faust.types import EventT, StreamT

from iss_agents.agents.intake import readings_of
from iss_agents.agents.lists import lists_of, run_list
from iss_agents.application import app
from iss_agents.catalog import TANK_ITEM
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.metrics import EVENTS_DETECTED
from iss_agents.outputs import Output
from iss_agents.records import Reading, encode
from iss_agents.station_clock import milliseconds
from iss_agents.topics import EVENTS, WATER
from tables.tank_levels import tank_levels

logger = logging.getLogger(__name__)

water_topic = app.topic(WATER.name, value_serializer="raw", partitions=WATER.partitions)


@app.agent(water_topic, name="watch_tank")
async def watch_tank(batches: StreamT[Any]) -> None:
    """Follow the urine tank with a detector whose state is in `tank_levels`, and say what it finds."""
    async for event in lists_of(batches):
        await run_list(app, event, watch_list)


async def watch_list(event: EventT[Any]) -> None:
    """Follow the tank through a list of records."""
    await watch(await readings_of(event.value, app.outputs))


async def watch(readings: Sequence[Reading]) -> None:
    """Events first, then the Table: a crash between them detects the same events again, with the same ids."""
    before = state_of(tank_levels.get(TANK_ITEM))
    state, events = follow(before, readings)
    await app.outputs.send(EVENTS, 0, map(event_output, events))
    if state != before:
        tank_levels[TANK_ITEM] = value_of(state)
    for event in events:
        EVENTS_DETECTED.labels(event.__struct_config__.tag).inc()


def follow(state: State, readings: Iterable[Reading]) -> tuple[State, list[Event]]:
    """Return the state after all readings, and every event they decided."""
    events: list[Event] = []
    for reading in readings:
        state, decided = detect(state, reading)
        events += decided
        for event in decided:
            # The one line that leads from the reading to the event, whose id the lines on the post have.
            about = {"event_id": event.event_id, "trace_id": reading.event_id, "item": reading.item_id}
            logger.info("event %s follows from reading %s", event.event_id, reading.event_id, extra=about)
    return state, events


def state_of(value: dict[str, Any] | None) -> State:
    """Return the detector's state from the Table's value; without one it has seen nothing."""
    return msgspec.convert(value["state"], State) if value else State()


def value_of(state: State) -> dict[str, Any]:
    """Return the Table's value of a state. Its sequence is that of the newest reading that it includes."""
    newest = max(position.sequence for position in state.positions.values())
    return {"sequence": newest, "state": msgspec.to_builtins(state)}


def event_output(event: Event, *headers: tuple[str, bytes]) -> Output:
    """Return the record of an event."""
    return Output(event.event_id.encode(), encode(event), milliseconds(event.detected_at), headers)
