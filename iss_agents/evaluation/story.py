"""What truly happened to a tank: ramps of its level, the processor's runs, and what the crew did.

Written from what was observed of NODE3000005 on the public feed, never from a detector. No public series of
the item is known, so this is a model and nothing else.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

Trait = Literal["use", "transfer", "drain", "jump"]


class Ramp(NamedTuple):
    """A change of the true level: `change` percent, evenly from `start` to `end` (seconds of the story)."""

    trait: Trait
    start: float
    end: float
    change: float

    def done(self, at: float) -> float:
        """Return how much of the change, in percent, has happened at `at`."""
        if at < self.start:
            return 0.0
        if at >= self.end:
            return self.change
        return self.change * (at - self.start) / (self.end - self.start)


class Span(NamedTuple):
    """Seconds of the story from `start` to `end`."""

    start: float
    end: float

    def near(self, other: "Span", slack: float = 0.0) -> bool:
        """Return whether the two come within `slack` seconds of one another."""
        return self.start <= other.end + slack and other.start <= self.end + slack


class Story:
    """A tank's level from second 0 to `length`, told by adding to it."""

    def __init__(self, level: float, length: float) -> None:
        self.first_level = level
        self.length = length
        self.ramps: list[Ramp] = []
        self.flap_seconds: Span | None = None
        """How long the sensors' noise stays at one value at rest; None for the usual mixture."""

    def use(self, start: float, rise: float, slope: float) -> Ramp:
        """Add a use of the toilet: `rise` percent at `slope` percent a second."""
        return self._add(Ramp("use", start, start + rise / slope, rise))

    def transfer(self, start: float, rise: float, slope: float) -> Ramp:
        """Add a bulk transfer into the tank."""
        return self._add(Ramp("transfer", start, start + rise / slope, rise))

    def drain(self, start: float, drop: float, seconds_per_percent: float) -> Ramp:
        """Add a run of the processor, which takes `drop` percent out of the tank."""
        return self._add(Ramp("drain", start, start + drop * seconds_per_percent, -drop))

    def jump(self, at: float, change: float) -> Ramp:
        """Add a swap of the tank or a reset of its scale."""
        return self._add(Ramp("jump", at, at, change))

    def level(self, at: float) -> float:
        """Return the true level in percent."""
        return self.first_level + sum(ramp.done(at) for ramp in self.ramps)

    def of(self, trait: Trait) -> Iterator[Ramp]:
        """Yield the ramps of one trait."""
        return (ramp for ramp in self.ramps if ramp.trait == trait)

    def _add(self, ramp: Ramp) -> Ramp:
        self.ramps.append(ramp)
        return ramp
