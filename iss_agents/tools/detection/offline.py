"""Offline detection: runs the detector over a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.feed.decode import InvalidUpdateError, Update, reading_from_update
from iss_agents.simulator.recording import RecordedUpdate, read_recording
from iss_agents.telemetry.catalog import TANK_ITEMS
from iss_agents.telemetry.records import Reading, Source
from iss_agents.telemetry.station_clock import rfc3339

RECORDED: Source = "simulated"
"""A recording does not say which server it is of, so nothing in it may pass for the public feed."""


class Step(NamedTuple):
    """One reading, the state after it, and the events that it triggered."""

    reading: Reading
    state: State
    events: list[Event]


@dataclass
class Detection:
    """One pass over a recording, and what it has met: `invalid` updates of the tank's items are no readings."""

    path: Path
    invalid: int = 0
    events: int = 0
    readings: int = 0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def looked_at(self) -> str:
        """How many readings of the tank's items there were, and of which span."""
        if self.first is None or self.last is None:
            return "0 readings of the tank's items"
        span = f"{rfc3339(self.first)} to {rfc3339(self.last)}"
        return f"{self.readings:,} readings of the tank's items, {span}"

    def steps(self) -> Iterator[Step]:
        """Yield a step for each reading of the tank's items.

        Raises:
            UserError: the file cannot be read, or names the line and what is wrong with it.
        """
        state = State()
        for reading in self._readings():
            state, events = detect(state, reading)
            self._count(reading, events)
            yield Step(reading, state, events)

    def _count(self, reading: Reading, events: list[Event]) -> None:
        self.readings += 1
        self.events += len(events)
        self.first = min(self.first or reading.source_ts, reading.source_ts)
        self.last = max(self.last or reading.source_ts, reading.source_ts)

    def _readings(self) -> Iterator[Reading]:
        for line in read_recording(self.path):
            if line.item not in TANK_ITEMS:
                continue
            try:
                reading = reading_from_update(_update(line), RECORDED)
            except InvalidUpdateError:
                self.invalid += 1
                continue
            if reading:
                yield reading


def _update(line: RecordedUpdate) -> Update:
    return Update(line.item, line.fields(), line.snapshot, line.session, line.arrival)
