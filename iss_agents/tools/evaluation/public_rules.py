"""The rules by which public programs detect uses, as their sources and documents state them, in our own words.

They see what those programs see: every reading of the level as it arrives, without marks and without the clock.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.evaluation.scoring import Detection

START_LEVEL = 47.0
"""What nerlfield's bot takes for the level before it has seen one."""

POLL_NERLFIELD, POLL_PEEBOT = 60_000, 30_000
PEEBOT_WINDOW, PEEBOT_FILL, PEEBOT_STABLE = 600_000, 30_000, 60_000
ISSPISS_END, ISSPISS_CALM = 20_000, 60_000


class Seen(NamedTuple):
    """A level as it arrived: milliseconds since 1970, percent, and the station's time of it."""

    at: int
    value: float
    measured: int


def isspiss(readings: Iterable[Reading]) -> list[Detection]:
    """PissMonitor of isspiss: an increase counts unless the level fell within a minute; 20 s end it.

    Its source never ends an event, by an inverted condition; here the rule is run as it was meant.
    """
    detections: list[Detection] = []
    steps: list[Seen] = []
    first = previous = None
    may_be_higher, fell_at = True, 0
    for seen in _levels(readings):
        if steps and first and seen.at - steps[-1].at > ISSPISS_END:
            detections.append(_isspiss_event(first, steps))
            steps = []
        if may_be_higher and seen.at - fell_at >= ISSPISS_CALM and previous:
            may_be_higher = False
        if previous and seen.value < previous.value:
            may_be_higher, fell_at = True, seen.at
        elif previous and seen.value > previous.value:
            if not may_be_higher:
                first = first if steps else previous
                steps.append(seen)
            may_be_higher = False
        previous = seen
    if steps and first:
        detections.append(_isspiss_event(first, steps))
    return detections


def _isspiss_event(first: Seen, steps: Sequence[Seen]) -> Detection:
    end = steps[-1]
    return Detection(steps[0].measured, end.measured, end.at + ISSPISS_END, end.value - first.value)


def nerlfield(readings: Iterable[Reading]) -> list[Detection]:
    """Telegram bot of nerlfield: every minute, a change of half a percent or more is an alert."""
    detections: list[Detection] = []
    told, value, poll = START_LEVEL, None, 0
    for seen in _levels(readings):
        if value is not None and seen.at > poll:
            if abs(value - told) >= 0.5:  # noqa: PLR2004
                detections.append(Detection(poll - POLL_NERLFIELD, poll, poll, value - told))
            told = value
        if value is None or seen.at > poll:
            poll = -(-seen.at // POLL_NERLFIELD) * POLL_NERLFIELD
        value = seen.value
    return detections


def peebot(readings: Iterable[Reading]) -> list[Detection]:
    """Redesign of gidorah/peebot: the earliest +2 % within 30 s that stays a minute, of the last ten.

    Its poll returns the same event again and again; a later one counts here only when it does not overlap.
    """
    detections: list[Detection] = []
    for poll, window in _polls(_levels(readings)):
        found = _earliest_fill(window)
        if found and (not detections or found[0].measured > detections[-1].end):
            first, last = found
            detections.append(Detection(first.measured, last.measured, poll, last.value - first.value))
    return detections


def _polls(levels: Iterable[Seen]) -> Iterator[tuple[int, Sequence[Seen]]]:
    """Yield each poll at which the window differs from the poll before."""
    waiting = deque(levels)
    window: deque[Seen] = deque()
    poll = 0
    while waiting or window:
        if not window:
            poll = waiting[0].at // POLL_PEEBOT * POLL_PEEBOT
        poll += POLL_PEEBOT
        changed = False
        while waiting and waiting[0].at <= poll:
            window.append(waiting.popleft())
            changed = True
        while window and window[0].at <= poll - PEEBOT_WINDOW:
            window.popleft()
            changed = True
        if changed:
            yield poll, tuple(window)


def _earliest_fill(window: Sequence[Seen]) -> tuple[Seen, Seen] | None:
    first = 0
    for index, last in enumerate(window):
        while last.at - window[first].at > PEEBOT_FILL:
            first += 1
        if last.value - window[first].value >= 2 and _stays(window[index + 1 :], last):  # noqa: PLR2004
            return window[first], last
    return None


def _stays(later: Iterable[Seen], last: Seen) -> bool:
    return all(seen.value >= last.value - 1 for seen in later if seen.at - last.at <= PEEBOT_STABLE)


def _levels(readings: Iterable[Reading]) -> Iterator[Seen]:
    return (
        Seen(milliseconds(reading.ingest_ts), float(reading.value), reading.sequence)
        for reading in readings
        if reading.item_id == TANK_ITEM
    )
