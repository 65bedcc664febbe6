"""Sensor model: the integer that the feed shows of a true level, after noise, sloshing and truncation.

Observed (isspiss, two days of January 2026; peebot, February 2026): whole percent, truncated; within a tenth of
a point of a boundary it flaps with periods of 0.9 to 22 s and rare long pauses; bounces of one point while the
tank fills; oscillations with periods up to 36 s for a minute after each drop; the first 2 to 4 % of a drain
unstable.
"""

from collections.abc import Iterator
from math import exp, floor, log, pi, sin
from random import Random
from typing import Literal, NamedTuple

from iss_agents.tools.evaluation.scenario import Ramp, Span, Story, Trait

REST_NOISE = 0.1
Mood = Literal["rest", "fill", "unstable"]
NOISE: dict[Mood, float] = {"rest": REST_NOISE, "fill": 0.6, "unstable": 0.7}
"""Amplitude in percent: a bounce of one point takes more than half a point."""

FASTEST_HALF_PERIOD, SLOWEST_HALF_PERIOD = 0.45, 11.0
LONG_PAUSE = Span(60.0, 800.0)
LONG_PAUSE_CHANCE = 0.02
FILL_HOLD = Span(1.0, 3.0)
UNSTABLE_HOLD = Span(2.0, 18.0)
SLOSH_SECONDS = 60.0
SLOSH_PERIOD = Span(6.0, 36.0)
SLOSH_PERCENT = 0.5
FLOWING: frozenset[Trait] = frozenset({"use", "flush", "transfer", "stroke"})
"""What makes the level bounce while it flows in."""

LONGEST_STEP = 2.0
"""Seconds between two samples while something moves."""


class Change(NamedTuple):
    """Integer that the feed shows from `at` (seconds of the story) on."""

    at: float
    value: int


class Sensor:
    """Sensor that samples a story from its start to its end."""

    def __init__(self, story: Story, random: Random) -> None:
        self._story = story
        self._random = random
        self._waiting = sorted(story.ramps, key=lambda ramp: ramp.start)
        self._active: list[Ramp] = []
        self._settled = story.first_level
        self._noise = 0.0
        self._noise_until = 0.0
        self._mood: Mood = "rest"
        self._slosh_since = -SLOSH_SECONDS
        self._slosh_percent = SLOSH_PERCENT
        self._slosh_period = SLOSH_PERIOD.end
        self._unstable_percent = random.uniform(2.0, 4.0)

    def changes(self) -> Iterator[Change]:
        """Yield the first integer and every change of it."""
        at, shown, level = 0.0, -1, self._story.first_level
        while at < self._story.length:
            before, level = level, self._true_level(at)
            self._notice_drop(at, before, level)
            measured = level + self._noise_at(at) + self._slosh(at)
            value = min(100, max(0, floor(measured)))
            if value != shown and not self._sticks(shown, measured):
                shown = value
                yield Change(at, value)
            at = self._next_look(at, level)

    def _sticks(self, shown: int, measured: float) -> bool:
        hysteresis = self._story.hysteresis
        return hysteresis > 0 and shown - hysteresis <= measured < shown + 1 + hysteresis

    def _true_level(self, at: float) -> float:
        while self._waiting and self._waiting[0].start <= at:
            self._active.append(self._waiting.pop(0))
        for ramp in [ramp for ramp in self._active if ramp.settled <= at]:
            self._active.remove(ramp)
            if ramp.trait == "use" and self._story.slosh_percent:
                self._begin_slosh(at, self._story.slosh_percent)
            self._settled += ramp.change
        return self._settled + sum(ramp.done(at) for ramp in self._active)

    def _notice_drop(self, at: float, before: float, level: float) -> None:
        if floor(level) < floor(before) and self._is_draining():
            self._begin_slosh(at, SLOSH_PERCENT)

    def _begin_slosh(self, at: float, percent: float) -> None:
        self._slosh_since, self._slosh_percent = at, percent
        self._slosh_period = self._random.uniform(*SLOSH_PERIOD)

    def _slosh(self, at: float) -> float:
        since = at - self._slosh_since
        if since >= SLOSH_SECONDS:
            return 0.0
        fading = 1 - since / SLOSH_SECONDS
        return self._slosh_percent * fading * sin(2 * pi * since / self._slosh_period)

    def _noise_at(self, at: float) -> float:
        before, self._mood = self._mood, self._current_mood(at)
        if at >= self._noise_until or self._mood != before:
            most = NOISE[self._mood]
            self._noise = self._random.uniform(-most, most)
            self._noise_until = at + self._hold()
        return self._noise

    def _current_mood(self, at: float) -> Mood:
        if any(ramp.trait in FLOWING and at < ramp.end for ramp in self._active):
            return "fill"
        if any(-ramp.done(at) < self._unstable_percent for ramp in self._active if ramp.trait == "drain"):
            return "unstable"
        return "rest"

    def _hold(self) -> float:
        if self._mood == "fill":
            return self._random.uniform(*FILL_HOLD)
        if self._mood == "unstable":
            return self._random.uniform(*UNSTABLE_HOLD)
        return self._rest_hold()

    def _rest_hold(self) -> float:
        if self._story.flap_seconds:
            return self._random.uniform(*self._story.flap_seconds)
        if self._random.random() < LONG_PAUSE_CHANCE:
            return self._random.uniform(*LONG_PAUSE)
        return exp(self._random.uniform(log(FASTEST_HALF_PERIOD), log(SLOWEST_HALF_PERIOD)))

    def _next_look(self, at: float, level: float) -> float:
        next_ramp = self._waiting[0].start if self._waiting else self._story.length
        if self._active or at - self._slosh_since < SLOSH_SECONDS:
            return min(self._noise_until, at + LONGEST_STEP, max(next_ramp, at + 1e-3))
        if _may_flap(level) or abs(self._noise) > REST_NOISE:
            return min(self._noise_until, max(next_ramp, at + 1e-3))
        return max(next_ramp, at + 1e-3)

    def _is_draining(self) -> bool:
        return any(ramp.trait == "drain" for ramp in self._active)


def _may_flap(level: float) -> bool:
    return floor(level + REST_NOISE) != floor(level - REST_NOISE)
