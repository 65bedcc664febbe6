"""Catalogue of scenarios: short stories, one for each trait of the level, repeated with other random numbers.

Every quantity comes from what was observed: a use raises 2 to 3 % in 10 to 25 s (peebot) or 5 to 10 % at about
1 % in 5 s (isspiss); a drain takes 1 % in 5 minutes (isspiss) to 8 (V-HAB model); signal gaps last 101 to 657 s
(recordings).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from iss_agents.tools.evaluation.broadcast import Blind, BlindKind, Conditions
from iss_agents.tools.evaluation.hydraulics import (
    bump,
    calibration_step,
    interrupted_use,
    late_levels,
    plumbed_use,
    pump_strokes,
    queue_of_people,
    use_from_zero,
    use_in_climb,
    use_with_flush,
    with_hysteresis,
    with_lag,
    with_slosh,
)
from iss_agents.tools.evaluation.scenario import Ramp, Span, Story
from iss_agents.tools.evaluation.stream import Stream
from iss_agents.tools.evaluation.uses import any_use, large_use, small_use

GAP_SECONDS = Span(101.0, 657.0)
SECONDS_PER_PERCENT = Span(270.0, 500.0)


def _quiet(random: Random, length: float = 900.0) -> Story:
    return Story(random.uniform(10.0, 55.0), length)


def _one(use: Callable[[Story, float, Random], Ramp]) -> Callable[[Random], Stream]:
    def stream(random: Random) -> Stream:
        story = _quiet(random)
        use(story, random.uniform(200.0, 500.0), random)
        return Stream(story, Conditions(), random)

    return stream


def _use_while_draining(random: Random) -> Stream:
    story = _draining(random, 4500.0)
    any_use(story, random.uniform(600.0, 4000.0), random)
    return Stream(story, Conditions(), random)


def _draining(random: Random, length: float) -> Story:
    story = Story(random.uniform(60.0, 72.0), length)
    per_percent = random.uniform(*SECONDS_PER_PERCENT)
    story.drain(200.0, (length - 200.0) / per_percent, per_percent)
    return story


def _two_people(random: Random) -> Stream:
    story = _quiet(random)
    first = any_use(story, 200.0, random)
    any_use(story, first.end + random.uniform(60.0, 240.0), random)
    return Stream(story, Conditions(), random)


def _flapping(hold: Span, length: float) -> Callable[[Random], Stream]:
    def stream(random: Random) -> Stream:
        story = Story(random.randint(10, 60) + random.uniform(-0.08, 0.08), length)
        story.flap_seconds = hold
        return Stream(story, Conditions(), random)

    return stream


def _use_while_flapping(random: Random) -> Stream:
    story = Story(random.randint(10, 60) + random.uniform(-0.08, 0.08), 900.0)
    story.flap_seconds = random.choice([Span(0.45, 1.0), Span(2.0, 11.0), Span(60.0, 200.0)])
    any_use(story, random.uniform(300.0, 500.0), random)
    return Stream(story, Conditions(), random)


def _drain(random: Random) -> Stream:
    return Stream(_draining(random, 3 * 3600.0), Conditions(), random)


def _drops(random: Random) -> Stream:
    """Return a drain in quick steps of one percent, each followed by a minute of oscillation."""
    story = Story(random.uniform(30.0, 60.0), 1800.0)
    for start in range(100, 1700, 100):
        story.drain(float(start), 1.0, 20.0)
    return Stream(story, Conditions(), random)


def _transfer(rise: Span, slope: Span) -> Callable[[Random], Stream]:
    def stream(random: Random) -> Stream:
        story = Story(random.uniform(10.0, 30.0), 2400.0)
        story.transfer(300.0, random.uniform(*rise), random.uniform(*slope))
        return Stream(story, Conditions(), random)

    return stream


def _jump(random: Random) -> Stream:
    story = Story(random.uniform(30.0, 60.0), 900.0)
    story.jump(random.uniform(200.0, 700.0), random.choice([1, -1]) * random.uniform(4.0, 29.0))
    return Stream(story, Conditions(), random)


def _zeros(kind: BlindKind) -> Callable[[Random], Stream]:
    def stream(random: Random) -> Stream:
        story = _quiet(random)
        burst = Blind(kind, Span(400.0, 460.0))
        return Stream(story, Conditions(blinds=[burst]), random)

    return stream


def _gap(kind: BlindKind) -> Callable[[Random], Stream]:
    """Return streams with a hidden use, in a span of one kind."""

    def stream(random: Random) -> Stream:
        story = Story(random.uniform(10.0, 40.0), 1800.0)
        start, length = random.uniform(300.0, 600.0), random.uniform(*GAP_SECONDS)
        if random.random() < 0.7:  # noqa: PLR2004 - in the rest nothing happens
            any_use(story, start + random.uniform(0.0, max(1.0, length - 60.0)), random)
        return Stream(story, Conditions(blinds=[Blind(kind, Span(start, start + length))]), random)

    return stream


def _uses_around_gaps(random: Random) -> Stream:
    """Return a use, a gap, a use, a reconnect and a use: those that were seen whole must be detected."""
    story = Story(random.uniform(10.0, 25.0), 3000.0)
    blinds = [Blind("los", Span(700.0, 1000.0)), Blind("reconnect", Span(1700.0, 1900.0))]
    for start in (300.0, 1300.0, 2300.0):
        any_use(story, start + random.uniform(0.0, 200.0), random)
    return Stream(story, Conditions(blinds=blinds), random)


def _repeats(random: Random) -> Stream:
    story = _quiet(random, 1800.0)
    any_use(story, random.uniform(200.0, 1200.0), random)
    return Stream(story, Conditions(repeats=0.3), random)


def _new_year(random: Random) -> Stream:
    story = _quiet(random)
    any_use(story, random.uniform(380.0, 395.0), random)
    first = datetime(2026, 12, 31, 23, 53, 20, tzinfo=UTC)
    return Stream(story, Conditions(first_instant=first), random)


class Scenario(NamedTuple):
    """Scenario: its name, its streams, how many of them, and whether there are uses in them."""

    name: str
    stream: Callable[[Random], Stream]
    stories: int
    has_uses: bool


SCENARIOS = (
    Scenario("small use", _one(small_use), 60, has_uses=True),
    Scenario("large use", _one(large_use), 60, has_uses=True),
    Scenario("use while draining", _use_while_draining, 40, has_uses=True),
    Scenario("two people", _two_people, 60, has_uses=True),
    Scenario("use while flapping", _use_while_flapping, 60, has_uses=True),
    Scenario("uses around gaps", _uses_around_gaps, 20, has_uses=True),
    Scenario("repeated readings", _repeats, 40, has_uses=True),
    Scenario("turn of the year", _new_year, 20, has_uses=True),
    Scenario("hydraulic lag", plumbed_use(with_lag), 40, has_uses=True),
    Scenario("hysteresis", plumbed_use(with_hysteresis), 40, has_uses=True),
    Scenario("slosh after a use", plumbed_use(with_slosh), 40, has_uses=True),
    Scenario("flush water", use_with_flush, 40, has_uses=True),
    Scenario("queue of people", queue_of_people, 20, has_uses=True),
    Scenario("signal lost near a start", interrupted_use("blink"), 40, has_uses=True),
    Scenario("backlog near a start", interrupted_use("backlog"), 40, has_uses=True),
    Scenario("late levels", late_levels, 40, has_uses=True),
    Scenario("use in a climb", use_in_climb, 40, has_uses=True),
    Scenario("use from 0 %", use_from_zero, 40, has_uses=True),
    Scenario("fast flapping", _flapping(Span(0.45, 2.0), 1200.0), 20, has_uses=False),
    Scenario("slow flapping", _flapping(Span(30.0, 400.0), 7200.0), 10, has_uses=False),
    Scenario("drain", _drain, 10, has_uses=False),
    Scenario("oscillation after drops", _drops, 40, has_uses=False),
    Scenario("large transfer", _transfer(Span(15.0, 40.0), Span(0.1, 0.25)), 20, has_uses=False),
    Scenario("slow transfer", _transfer(Span(5.0, 12.0), Span(0.01, 0.03)), 20, has_uses=False),
    Scenario("fast transfer", _transfer(Span(5.0, 20.0), Span(0.8, 3.0)), 20, has_uses=False),
    Scenario("creeping transfer", _transfer(Span(6.0, 20.0), Span(0.03, 0.06)), 40, has_uses=False),
    Scenario("pump strokes", pump_strokes, 10, has_uses=False),
    Scenario("calibration step", calibration_step, 30, has_uses=False),
    Scenario("bump", bump, 30, has_uses=False),
    Scenario("swap or reset", _jump, 30, has_uses=False),
    Scenario("zero burst", _zeros("zeros"), 20, has_uses=False),
    Scenario("marked zero burst", _zeros("marked_zeros"), 20, has_uses=False),
    Scenario("loss of signal", _gap("los"), 30, has_uses=False),
    Scenario("silence", _gap("silence"), 30, has_uses=False),
    Scenario("snapshot after outage", _gap("reconnect"), 30, has_uses=False),
    Scenario("frozen broadcast", _gap("frozen"), 30, has_uses=False),
    Scenario("static status", _gap("static"), 30, has_uses=False),
)
