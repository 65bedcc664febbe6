"""Story of a tank, the ground truth of a stream: uses, transfers and drains, each a ramp of the level.

Modelled on what was observed of NODE3000005 on the public feed, and on hydraulics, never on a detector. No
public recording of the item is known.
"""

from collections.abc import Iterator
from math import exp
from typing import Literal, NamedTuple

Trait = Literal["use", "flush", "transfer", "stroke", "drain", "jump"]

SETTLED = 6.0
"""Time constants after which a lag is over: a four-hundredth is left."""


class Ramp(NamedTuple):
    """Change of the true level: `change` percent flow evenly from `start` to `end` (seconds of the story).

    `lag` is the time constant in seconds with which the level follows the flow; 0 means at once.
    """

    trait: Trait
    start: float
    end: float
    change: float
    lag: float = 0.0

    @property
    def settled(self) -> float:
        """When the level has followed."""
        return self.end + SETTLED * self.lag

    def done(self, at: float) -> float:
        """Return how much of the change, in percent, the level shows at `at`."""
        if at < self.start:
            return 0.0
        if at >= self.settled:
            return self.change
        flowing = min(at, self.end) - self.start
        behind = self.lag * (1 - exp(-flowing / self.lag)) if self.lag else 0.0
        # After the flow has ended the rest follows exponentially.
        behind *= exp(-(at - self.end) / self.lag) if self.lag and at > self.end else 1.0
        return self.change * (flowing - behind) / (self.end - self.start)


class Span(NamedTuple):
    """Span of a story, in seconds, from `start` to `end`."""

    start: float
    end: float

    def near(self, other: "Span", slack: float = 0.0) -> bool:
        """Return whether the two spans are at most `slack` seconds apart."""
        return self.start <= other.end + slack and other.start <= self.end + slack


class Story:
    """Story of a tank from second 0 to `length`: a first level, and the ramps that are added to it."""

    def __init__(self, level: float, length: float) -> None:
        self.first_level = level
        self.length = length
        self.ramps: list[Ramp] = []
        self.flap_seconds: Span | None = None
        """How long the noise of the sensors keeps a value at rest; None for the usual mixture."""
        self.lag = 0.0
        """Time constant, in seconds, with which the level follows the flow of uses and flush water."""
        self.hysteresis = 0.0
        """How far, in percent, the level must pass a boundary before the shown integer changes."""
        self.slosh_percent = 0.0
        """Amplitude of the oscillation that fades during the minute after a use."""

    def use(self, start: float, rise: float, slope: float) -> Ramp:
        """Add a use of the toilet: `rise` percent at `slope` percent a second."""
        return self._add(Ramp("use", start, start + rise / slope, rise, self.lag))

    def flush(self, start: float, rise: float, slope: float) -> Ramp:
        """Add the flush water of a use."""
        return self._add(Ramp("flush", start, start + rise / slope, rise, self.lag))

    def transfer(self, start: float, rise: float, slope: float) -> Ramp:
        """Add a bulk transfer into the tank."""
        return self._add(Ramp("transfer", start, start + rise / slope, rise))

    def stroke(self, start: float, rise: float, slope: float) -> Ramp:
        """Add one stroke of a pump that transfers in portions, each like a use."""
        return self._add(Ramp("stroke", start, start + rise / slope, rise, self.lag))

    def drain(self, start: float, drop: float, seconds_per_percent: float) -> Ramp:
        """Add a run of the processor, which drains `drop` percent."""
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
