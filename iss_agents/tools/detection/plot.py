"""Plot of a detection: level, events, and the spans in which the level was not tracked."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from iss_agents.detection.events import Event, Urination
from iss_agents.errors import UserError
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.station_clock import from_milliseconds
from iss_agents.tools.detection.offline import Step

SIZE_INCHES = (14, 5)
USE_COLOR, UNOBSERVED_COLOR, UNSEEN_COLOR = "tab:green", "tab:orange", "lightgray"


class Point(NamedTuple):
    """The level that was taken from one reading."""

    at: datetime
    percent: float


class Trace:
    """What a picture needs of each step."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.events: list[Event] = []
        self.unseen: list[tuple[datetime, datetime]] = []
        self._unseen_since: datetime | None = None
        self._last: Step | None = None

    def add(self, step: Step) -> None:
        """Keep one step."""
        self.events += step.events
        newest = step.state.levels[-1] if step.state.levels else None
        if newest and step.reading.item_id == TANK_ITEM and newest.at == step.reading.sequence:
            self.points.append(Point(step.reading.source_ts, newest.value))
        self._follow_unseen(step)
        self._last = step

    def finish(self) -> None:
        """Extend what was still open to the end of the recording."""
        if self._last is None or not self.points:
            return
        end = max(self._last.reading.source_ts, self.points[-1].at)
        self.points.append(self.points[-1]._replace(at=end))
        if self._unseen_since:
            self.unseen.append((self._unseen_since, end))

    def _follow_unseen(self, step: Step) -> None:
        if step.state.unseen and self._unseen_since is None:
            self._unseen_since = from_milliseconds(step.state.unseen.since)
        elif step.state.unseen is None and self._unseen_since:
            self.unseen.append((self._unseen_since, step.reading.source_ts))
            self._unseen_since = None


def draw(trace: Trace, path: Path) -> None:
    """Write the plot; the suffix of the name determines its format.

    Raises:
        UserError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise UserError("Plots need matplotlib: install it with `uv sync --group plot`.") from None
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(xlabel="station time, UTC", ylabel="urine tank, percent")
    for start, end in trace.unseen:
        axes.axvspan(_days(start), _days(end), color=UNSEEN_COLOR)
    for event in trace.events:
        color = USE_COLOR if isinstance(event, Urination) else UNOBSERVED_COLOR
        axes.axvspan(_days(event.start), _days(event.end), color=color, alpha=0.4)
        axes.annotate(f"{event.delta_percent:+.1f} %", (_days(event.end), event.level_after), color=color)
    times, levels = [_days(point.at) for point in trace.points], [point.percent for point in trace.points]
    axes.step(times, levels, where="post")
    axes.xaxis_date()
    axes.set_title(_title(trace))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot write {path} ({error}): choose another name ending in .png.") from error


def _days(instant: datetime) -> float:
    """Return the time as matplotlib counts it: days since 1970."""
    return instant.timestamp() / 86_400


def _title(trace: Trace) -> str:
    uses = sum(isinstance(event, Urination) for event in trace.events)
    return f"{uses} uses (green), {len(trace.events) - uses} unobserved rises (orange), not followed (gray)"
