"""Broadcast model: the readings that the feed would deliver of a scenario, including its losses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from msgspec.structs import replace

from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import GOOD_STATUS, Reading, Suspect, new_reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.evaluation.scenario import Ramp, Span, Story
from iss_agents.tools.evaluation.sensor import Change, Sensor

BlindKind = Literal[
    "los", "silence", "reconnect", "frozen", "static", "zeros", "marked_zeros", "blink", "backlog"
]
SILENT: frozenset[BlindKind] = frozenset({"los", "silence", "reconnect", "frozen", "blink", "backlog"})
"""Kinds in which the clock does not tick, or only repeats itself."""

DELIVERED: frozenset[BlindKind] = frozenset({"blink", "backlog"})
"""Kinds in which every level comes all the same: at its time, or all of them after the span."""

FIRST_INSTANT = datetime(2026, 3, 1, tzinfo=UTC)
LATENCY = 6.0
"""Seconds from measurement to arrival; 5.9 were measured between the station's time and UTC (iss-live)."""

JITTER = 1.5
"""Seconds by which the level may overtake or fall behind the clock on its way."""

RESTLESS_MINUTES = 4
"""How long before and after a change of the level on purpose the clock ticks at its full rate."""

STATIC = "9"
LOST = "1"
NORMAL, STANDBY = "16", "32"


class Blind(NamedTuple):
    """Span in which the feed does not show the level as it is, and why."""

    kind: BlindKind
    span: Span


@dataclass
class Conditions:
    """Conditions of a broadcast: when it begins, how often the clock ticks, what is missed."""

    first_instant: datetime = FIRST_INSTANT
    tick_seconds: int = 1
    resting_tick_seconds: int = 1
    """The same while the level rests, to save time; the true clock ticks every second."""
    blinds: list[Blind] = field(default_factory=list)
    repeats: float = 0.0
    """Probability that a reading comes twice, the second time late and out of order."""
    lateness: float = 0.0
    """Seconds by which every level comes later than usual."""


class Sending(NamedTuple):
    """Update on its way, ordered by its arrival."""

    arrival: float
    item_id: str
    measured: float
    value: str
    status_class: str = GOOD_STATUS
    snapshot: bool = False
    suspect: Suspect | None = None
    session: int = 1


class Broadcast:
    """Broadcast of one story under its conditions."""

    def __init__(self, story: Story, conditions: Conditions, random: Random) -> None:
        self.story = story
        self.conditions = conditions
        self._random = random
        self._tank_latency = LATENCY + random.uniform(-JITTER, JITTER) + conditions.lateness

    def readings(self) -> Iterator[Reading]:
        """Yield the readings in the order of their arrival."""
        sendings = [*self._clock(), *self._processor(), *self._tank()]
        sendings += self._repeated(sendings)
        sendings.sort(key=lambda sending: sending.arrival)
        return (self._reading(sending) for sending in sendings)

    def _clock(self) -> Iterator[Sending]:
        silent = [blind for blind in self.conditions.blinds if blind.kind in SILENT]
        for at in self._tick_times():
            if not any(blind.span.start <= at < blind.span.end for blind in silent):
                yield self._tick(at)
        for blind in silent:
            if blind.kind in {"los", "blink"}:
                yield self._tick(blind.span.start, LOST)
            if blind.kind == "frozen":
                yield from self._again(self._tick(blind.span.start), blind.span)
            yield self._tick(blind.span.end, snapshot=blind.kind == "reconnect")

    def _tick_times(self) -> Iterator[int]:
        moving = [Span(ramp.start, ramp.end) for ramp in self.story.ramps if ramp.trait != "drain"]
        restless = [*moving, *(blind.span for blind in self.conditions.blinds)]
        minutes = {
            minute
            for span in restless
            for minute in range(
                int(span.start) // 60 - RESTLESS_MINUTES, int(span.end) // 60 + RESTLESS_MINUTES + 1
            )
        }
        at = 0
        while at < self.story.length:
            yield at
            at += self.conditions.tick_seconds if at // 60 in minutes else self.conditions.resting_tick_seconds

    def _tick(self, at: float, status: str = GOOD_STATUS, *, snapshot: bool = False) -> Sending:
        milliseconds_of_day = str(round(at * 1000))
        return Sending(at + LATENCY, SIGNAL_ITEM, at, milliseconds_of_day, status, snapshot)

    def _processor(self) -> Iterator[Sending]:
        yield Sending(LATENCY, PROCESSOR_ITEM, 0.0, STANDBY)
        for drain in self.story.of("drain"):
            yield Sending(drain.start + LATENCY, PROCESSOR_ITEM, drain.start, NORMAL)
            yield Sending(drain.end + LATENCY, PROCESSOR_ITEM, drain.end, STANDBY)

    def _tank(self) -> Iterator[Sending]:
        hiding = (blind for blind in self.conditions.blinds if blind.kind not in DELIVERED)
        blinds = sorted(hiding, key=lambda blind: blind.span.start)
        shown: Change | None = None
        missed: Change | None = None
        for change in Sensor(self.story, self._random).changes():
            while blinds and blinds[0].span.end <= change.at:
                yield from self._after(blinds.pop(0), shown, missed)
                shown, missed = missed or shown, None
            if blinds and blinds[0].span.start <= change.at:
                missed = change
                yield from self._while_blind(blinds[0], change)
                continue
            shown = change
            yield self._held_up(self._sending(change))
        for blind in blinds:
            yield from self._after(blind, shown, missed)
            missed = None

    def _held_up(self, sending: Sending) -> Sending:
        """Return a level that arrives after the backlog that it is part of."""
        for blind in self.conditions.blinds:
            if blind.kind == "backlog" and blind.span.start <= sending.measured < blind.span.end:
                return sending._replace(arrival=blind.span.end + self._tank_latency)
        return sending

    def _while_blind(self, blind: Blind, change: Change) -> Iterator[Sending]:
        if blind.kind == "static":
            wrong = Change(change.at, max(1, change.value + self._random.randint(-9, 9)))
            yield self._sending(wrong)._replace(status_class=STATIC)

    def _after(self, blind: Blind, shown: Change | None, missed: Change | None) -> Iterator[Sending]:
        """Yield the level as it comes once the span is over."""
        start, end = blind.span
        if blind.kind in {"zeros", "marked_zeros"}:
            mark: Suspect | None = "zero_burst" if blind.kind == "marked_zeros" else None
            yield self._sending(Change(start, 0))._replace(suspect=mark)
        if blind.kind == "frozen" and shown:
            yield from self._again(self._sending(shown), blind.span)
        if blind.kind == "reconnect" and (newest := missed or shown):
            yield self._sending(newest)._replace(arrival=end + self._tank_latency, snapshot=True, session=2)
        elif blind.kind in {"static", "zeros", "marked_zeros"} and (newest := missed or shown):
            yield self._sending(Change(end, newest.value))
        elif missed and (not shown or missed.value != shown.value):
            # Its time stamp is that of the newest change, or that of the moment at which it was sent again.
            measured = self._random.choice([missed.at, end])
            yield self._sending(Change(measured, missed.value))._replace(arrival=end + self._tank_latency)

    def _again(self, sending: Sending, span: Span) -> Iterator[Sending]:
        """Yield what a frozen broadcast repeats; the feed may or may not have marked it as suspect."""
        mark: Suspect | None = self._random.choice([None, "frozen"])
        for third in (1, 2):
            arrival = span.start + LATENCY + third * (span.end - span.start) / 3
            yield sending._replace(arrival=arrival, suspect=mark)

    def _sending(self, change: Change) -> Sending:
        return Sending(change.at + self._tank_latency, TANK_ITEM, change.at, str(change.value))

    def _repeated(self, sendings: list[Sending]) -> Iterator[Sending]:
        if not self.conditions.repeats:
            return
        for sending in sendings:
            if self._random.random() < self.conditions.repeats:
                yield sending._replace(arrival=sending.arrival + self._random.choice([0.0, 5.0, 60.0, 600.0]))

    def _reading(self, sending: Sending) -> Reading:
        first = self.conditions.first_instant
        reading = new_reading(
            sending.item_id,
            first + timedelta(milliseconds=round(sending.measured * 1000)),
            sending.value,
            ingest_ts=first + timedelta(seconds=sending.arrival),
            source="simulated",
            status_class=sending.status_class,
            snapshot=sending.snapshot,
            session=sending.session,
        )
        return replace(reading, suspect=sending.suspect)

    def milliseconds(self, at: float) -> int:
        """Return the `sequence` of a moment of the story."""
        return milliseconds(self.conditions.first_instant) + round(at * 1000)


def overlaps(ramp: Ramp, blind: Blind, slack: float) -> bool:
    """Return whether a ramp comes within `slack` seconds of a span in which the level is hidden."""
    return Span(ramp.start, ramp.end).near(blind.span, slack)
