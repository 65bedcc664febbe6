"""Playback of recorded telemetry of an HTV arrival, shifted to now.

`htv/*.txt` holds six hours of 27 September 2018, one file per item, `<hours> <value>` per line (ISS-Mimic).
"""

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from iss_agents.simulator.updates import Update, measured
from iss_agents.telemetry.station_clock import in_year

RECORDED_YEAR = 2018
FIRST_HOUR = 6488.0
PERIOD = timedelta(hours=6)
"""The recording spans the hours 6488 to 6494. It loops seamlessly after six hours: its last row is
half a second before the end."""

JUST_BEFORE = timedelta(seconds=1)


class Row(NamedTuple):
    """One measurement; `offset` is its time after the recording's start, in whole milliseconds."""

    offset: timedelta
    item_id: str
    value: str


@cache
def rows() -> tuple[Row, ...]:
    """Return the 131,065 rows of all 23 items in order of time."""
    start = in_year(FIRST_HOUR, RECORDED_YEAR)
    recorded: list[Row] = []
    for file in files("iss_agents.simulator").joinpath("htv").iterdir():
        if file.name == "LICENSE.txt":
            continue
        item_id = file.name.removesuffix(".txt")
        for line in file.read_text(encoding="utf-8").splitlines():
            hours, value = line.split()
            recorded.append(Row(in_year(float(hours), RECORDED_YEAR) - start, item_id, value))
    return tuple(sorted(recorded))


def whole_recording(now: datetime) -> list[Update]:
    """Return every row, in order, its time moved by one constant so that the last lies just before `now`."""
    start = _whole_milliseconds(now) - JUST_BEFORE - rows()[-1].offset
    return [measured(row.item_id, start + row.offset, row.value) for row in rows()]


class Playback:
    """Plays the recording in a loop in real time. Earlier values are the snapshot."""

    def __init__(self) -> None:
        self._start: datetime | None = None
        self._played = 0

    def due(self, now: datetime) -> list[Update]:
        if self._start is None:
            self._start = _whole_milliseconds(now)
            return self._snapshot(self._start - PERIOD)
        updates: list[Update] = []
        while True:
            lap, number = divmod(self._played, len(rows()))
            row = rows()[number]
            time = self._start + lap * PERIOD + row.offset
            if time > now:
                return updates
            updates.append(measured(row.item_id, time, row.value))
            self._played += 1

    def _snapshot(self, start: datetime) -> list[Update]:
        latest = {row.item_id: row for row in rows()}
        return [measured(row.item_id, start + row.offset, row.value) for row in latest.values()]


def _whole_milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
