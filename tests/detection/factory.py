"""Readings of the tank as a healthy station sends them, and the detector run over them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import GOOD_STATUS, Reading, new_reading

NOW = datetime(2026, 8, 11, 10, 0, tzinfo=UTC)

Shown = Sequence[tuple[float, int]]
"""Seconds after NOW and the percent shown from then on."""

SMALL_USE: Shown = [(0, 19), (200, 20), (203, 21), (206, 20), (211, 21), (215, 22), (217, 21), (219, 22)]
LARGE_USE: Shown = [(0, 37), *((200 + 5 * step, 37 + step) for step in range(1, 9))]


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def reading(item_id: str, value: str, at: float, **changes: Any) -> Reading:
    defaults: dict[str, Any] = {"source": "isslive", "status_class": GOOD_STATUS, "ingest_ts": after(at + 6)}
    return new_reading(item_id, after(at), value, **(defaults | changes))


def tank(at: float, percent: float, **changes: Any) -> Reading:
    return reading(TANK_ITEM, str(percent), at, **changes)


def clock(at: float, **changes: Any) -> Reading:
    return reading(SIGNAL_ITEM, str(round(at * 1000)), at, **changes)


def processor(at: float, state: str) -> Reading:
    return reading(PROCESSOR_ITEM, state, at)


def clocks(start: int, end: int) -> list[Reading]:
    return [clock(at) for at in range(start, end)]


def stream(shown: Shown, until: int) -> list[Reading]:
    """The shown levels among the ticks of the clock."""
    return in_order(*clocks(0, until), *(tank(at, percent) for at, percent in shown))


def in_order(*readings: Reading) -> list[Reading]:
    return sorted(readings, key=lambda one: one.ingest_ts)


def around_loss(until: float, *readings: Reading) -> list[Reading]:
    """20 % at first, and no signal from second 300 to 600."""
    lost = clock(300, status_class="1")
    return in_order(*clocks(0, 300), lost, *clocks(600, round(until)), tank(0, 20), *readings)


def steps(readings: Iterable[Reading]) -> Iterator[tuple[State, list[Event]]]:
    state = State()
    for one in readings:
        state, events = detect(state, one)
        yield state, events


def events_of(readings: Iterable[Reading]) -> list[Event]:
    return [event for _, events in steps(readings) for event in events]


def percents(readings: Iterable[Reading]) -> list[tuple[str, float]]:
    """Kind and rise of each event."""
    return [(type(event).__name__, event.delta_percent) for event in events_of(readings)]
