"""The detector over a recording. Unlike the rest of this package it reads a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from iss_agents.catalog import TANK_ITEMS
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.feed.decode import InvalidUpdate, reading_from_update
from iss_agents.feed.update import Update
from iss_agents.records import Reading, Source
from iss_agents.simulator.recording import RecordedUpdate, read_recording

RECORDED: Source = "simulated"
"""A recording does not say which server it is of, so nothing in it may pass for the public feed."""


class Step(NamedTuple):
    """One reading, the state that includes it and the events that it decided."""

    reading: Reading
    state: State
    events: list[Event]


@dataclass
class Detection:
    """One pass over a recording; `invalid` counts updates of the tank's items that are no readings."""

    path: Path
    invalid: int = 0

    def steps(self) -> Iterator[Step]:
        """Yield a step for each reading of the tank's items.

        Raises:
            UserError: the file cannot be read, or names the line and what is wrong with it.
        """
        state = State()
        for reading in self._readings():
            state, events = detect(state, reading)
            yield Step(reading, state, events)

    def _readings(self) -> Iterator[Reading]:
        for line in read_recording(self.path):
            if line.item not in TANK_ITEMS:
                continue
            try:
                reading = reading_from_update(_update(line), RECORDED)
            except InvalidUpdate:
                self.invalid += 1
                continue
            if reading:
                yield reading


def _update(line: RecordedUpdate) -> Update:
    return Update(line.item, line.fields(), line.snapshot, line.session, line.arrival)
