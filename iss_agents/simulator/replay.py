"""Replay of a recording, as if it happened now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from iss_agents.simulator.recording import RecordedUpdate, read_recording
from iss_agents.simulator.updates import TIME_STAMP, VALUE, Fields, Update, signal, time_stamp, year
from iss_agents.telemetry.catalog import SIGNAL_ITEM, YEAR_ITEM, as_number
from iss_agents.telemetry.station_clock import ClockError, source_time


class Replay:
    """Source that keeps the recording's intervals of arrival and of measurement, shifted to now.

    Where a new session begins in the recording, the clients' sessions are replaced too, so that a snapshot
    arrives as a snapshot.
    """

    def __init__(self, path: Path) -> None:
        """Open the recording.

        Raises:
            UserError: it cannot be read, or one of its lines is broken.
        """
        # Read once in advance, so that a broken line stops the command at its start and not hours later.
        for _ in read_recording(path):
            pass
        self._lines: Iterator[RecordedUpdate] = read_recording(path)
        self._next: RecordedUpdate | None = next(self._lines, None)
        self._session = self._next.session if self._next else 0
        self._shift: timedelta | None = None

    def due(self, now: datetime) -> list[Update]:
        updates: list[Update] = []
        while self._next:
            if self._shift is None:
                self._shift = now - self._next.arrival
            if self._next.arrival + self._shift > now:
                break
            begins = self._next.session != self._session
            self._session = self._next.session
            updates.append(Update(self._next.item, _moved(self._next, self._shift), begins))
            self._next = next(self._lines, None)
        return updates


def _moved(update: RecordedUpdate, shift: timedelta) -> Fields:
    fields = update.fields()
    hours = as_number(update.time_stamp or "")
    if hours is None or hours <= 0:
        return fields
    try:
        time = source_time(hours, update.arrival, snapshot=update.snapshot) + shift
    except ClockError:
        return fields
    fields[TIME_STAMP] = time_stamp(time)
    if update.item == SIGNAL_ITEM:
        fields[VALUE] = signal(time).fields[VALUE]
    if update.item == YEAR_ITEM:
        fields[VALUE] = year(time).fields[VALUE]
    return fields
