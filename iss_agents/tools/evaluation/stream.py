"""Labelled stream: readings, and what a detector should say of them."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Literal, NamedTuple

from iss_agents.telemetry.records import Reading
from iss_agents.tools.evaluation.broadcast import DELIVERED, Blind, Broadcast, Conditions, overlaps
from iss_agents.tools.evaluation.scenario import Ramp, Story

TOUCHES_SECONDS = 30.0
"""A use this close to a span without readings counts neither way: not all of it can be seen."""

HIDDEN_PERCENT = 2.5
"""A net rise over a blind span from here on must be reported as unobserved; below 1 % it must not."""

LIKE_PEOPLE = 4
"""Strokes of a pump that nobody can distinguish from a queue of people: they count neither way."""


class Truth(NamedTuple):
    """Expected answer: `start` and `end` in milliseconds since 1970, `rise` in percent.

    `partial` is a use that touches a blind span, or looks like one; `hidden` is a rise inside such a span.
    """

    kind: Literal["use", "partial", "hidden"]
    start: int
    end: int
    rise: float


class Stream:
    """Stream of one story under its conditions. The same random numbers give the same stream."""

    def __init__(self, story: Story, conditions: Conditions, random: Random) -> None:
        self._broadcast = Broadcast(story, conditions, random)
        self.truths = sorted([*self._uses(), *self._strokes(), *self._hidden()], key=lambda truth: truth.start)

    def readings(self) -> Iterator[Reading]:
        """Yield the readings. They can be read once."""
        return self._broadcast.readings()

    @property
    def seconds(self) -> float:
        return self._broadcast.story.length

    def _uses(self) -> Iterator[Truth]:
        for use in self._broadcast.story.of("use"):
            touched = [blind for blind in self._blinds if overlaps(use, blind, TOUCHES_SECONDS)]
            if not any(_contains(blind, use) for blind in touched):
                yield self._truth("partial" if touched else "use", use.start, use.end, use.change)

    def _strokes(self) -> Iterator[Truth]:
        for stroke in islice(self._broadcast.story.of("stroke"), LIKE_PEOPLE):
            yield self._truth("partial", stroke.start, stroke.end, stroke.change)

    def _hidden(self) -> Iterator[Truth]:
        for blind in self._blinds:
            rise = self._broadcast.story.level(blind.span.end) - self._broadcast.story.level(blind.span.start)
            if rise >= HIDDEN_PERCENT:
                yield self._truth("hidden", *blind.span, rise)

    def _truth(self, kind: Literal["use", "partial", "hidden"], start: float, end: float, rise: float) -> Truth:
        instant = self._broadcast.milliseconds
        return Truth(kind, instant(start), instant(end), rise)

    @property
    def _blinds(self) -> list[Blind]:
        return [blind for blind in self._broadcast.conditions.blinds if blind.kind not in DELIVERED]


def _contains(blind: Blind, use: Ramp) -> bool:
    return blind.span.start <= use.start and use.end <= blind.span.end
