"""Streams of a tank with plumbing, and of a feed that falters.

The uses are those observed (`uses`). Of the plumbing nothing is published, so each of its quantities is a range
around what is plausible.
"""

from collections.abc import Callable
from random import Random

from iss_agents.tools.evaluation.broadcast import Blind, BlindKind, Conditions
from iss_agents.tools.evaluation.scenario import Span, Story
from iss_agents.tools.evaluation.stream import Stream
from iss_agents.tools.evaluation.uses import any_use

LAG = Span(4.0, 12.0)
"""Seconds: a separator and some metres of hose lie between the funnel and the tank."""

HYSTERESIS = Span(0.1, 0.4)
SLOSH = Span(0.3, 0.8)
BUMP = Span(0.8, 1.4)
"""Amplitude when the whole station is shaken: a docking, a reboost."""

FLUSH_PERCENT = Span(0.4, 1.0)
FLUSH_SLOPE = 0.2
FLUSH_PAUSE = Span(20.0, 45.0)
"""50 to 100 ml of water some time after the use, in a tank of 8 to 13 l."""

QUEUE_PAUSE = Span(80.0, 200.0)
BLINK = Span(5.0, 20.0)
NEAR_START = Span(-20.0, 45.0)
LATENESS = Span(20.0, 40.0)
CLIMB_SLOPE = 0.02
STROKES = 10
STROKE_PERCENT = Span(2.5, 8.0)
STROKE_PAUSE = Span(90.0, 400.0)
STEP_PERCENT = Span(1.2, 2.9)


def plumbed_use(prepare: Callable[[Story, Random], None]) -> Callable[[Random], Stream]:
    """Return streams of one use in a story that `prepare` gives its plumbing."""

    def stream(random: Random) -> Stream:
        story = Story(random.uniform(10.0, 55.0), 900.0)
        prepare(story, random)
        any_use(story, random.uniform(200.0, 500.0), random)
        return Stream(story, Conditions(), random)

    return stream


def with_lag(story: Story, random: Random) -> None:
    """Let the level follow the flow late."""
    story.lag = random.uniform(*LAG)


def with_hysteresis(story: Story, random: Random) -> None:
    """Let the shown integer stick."""
    story.hysteresis = random.uniform(*HYSTERESIS)


def with_slosh(story: Story, random: Random) -> None:
    """Let each use leave an oscillation."""
    story.slosh_percent = random.uniform(*SLOSH)


def use_with_flush(random: Random) -> Stream:
    """Return a use and its flush water, which is no part of the truth: it comes when the use is over."""
    story = Story(random.uniform(10.0, 55.0), 900.0)
    _flushed_use(story, random.uniform(200.0, 500.0), random)
    return Stream(story, Conditions(), random)


def queue_of_people(random: Random) -> Stream:
    """Return a queue of three to five people, with all of the plumbing."""
    story = Story(random.uniform(5.0, 30.0), 2400.0)
    for prepare in (with_lag, with_hysteresis, with_slosh):
        prepare(story, random)
    at = 200.0
    for _ in range(random.randint(3, 5)):
        at = _flushed_use(story, at, random) + random.uniform(*QUEUE_PAUSE)
    return Stream(story, Conditions(), random)


def interrupted_use(kind: BlindKind) -> Callable[[Random], Stream]:
    """Return streams of a use near whose start the feed falters, though every level comes in the end."""

    def stream(random: Random) -> Stream:
        story = Story(random.uniform(10.0, 55.0), 900.0)
        start = any_use(story, random.uniform(200.0, 500.0), random).start + random.uniform(*NEAR_START)
        falter = Blind(kind, Span(start, start + random.uniform(*BLINK)))
        return Stream(story, Conditions(blinds=[falter]), random)

    return stream


def late_levels(random: Random) -> Stream:
    """Return a use whose levels come half a minute later than the clock, with the right times."""
    story = Story(random.uniform(10.0, 55.0), 900.0)
    any_use(story, random.uniform(200.0, 500.0), random)
    return Stream(story, Conditions(lateness=random.uniform(*LATENESS)), random)


def use_in_climb(random: Random) -> Stream:
    """Return a use while the tank is filled by 1.2 % a minute, for more than ten minutes before it."""
    story = Story(random.uniform(5.0, 20.0), 1500.0)
    story.transfer(0.0, CLIMB_SLOPE * story.length, CLIMB_SLOPE)
    story.use(random.uniform(650.0, 1000.0), random.uniform(3.0, 8.0), random.uniform(0.14, 0.22))
    return Stream(story, Conditions(), random)


def use_from_zero(random: Random) -> Stream:
    """Return a use that fills a tank whose level is shown as 0."""
    story = Story(random.uniform(0.0, 0.8), 900.0)
    any_use(story, random.uniform(200.0, 500.0), random)
    return Stream(story, Conditions(), random)


def pump_strokes(random: Random) -> Stream:
    """Return a transfer in equal portions at equal pauses."""
    story = Story(random.uniform(3.0, 15.0), 5400.0)
    rise, slope = random.uniform(*STROKE_PERCENT), random.uniform(0.12, 0.2)
    every = rise / slope + random.uniform(*STROKE_PAUSE)
    for number in range(STROKES):
        story.stroke(200.0 + number * every, rise, slope)
    return Stream(story, Conditions(), random)


def calibration_step(random: Random) -> Stream:
    """Return a step of the scale, smaller than a swap or a reset."""
    story = Story(random.uniform(30.0, 60.0), 900.0)
    story.jump(random.uniform(200.0, 700.0), random.choice([1, -1]) * random.uniform(*STEP_PERCENT))
    return Stream(story, Conditions(), random)


def bump(random: Random) -> Stream:
    """Return an oscillation without a use."""
    story = Story(random.uniform(10.0, 60.0), 900.0)
    story.slosh_percent = random.uniform(*BUMP)
    story.jump(random.uniform(200.0, 600.0), 0.0)
    return Stream(story, Conditions(), random)


def _flushed_use(story: Story, start: float, random: Random) -> float:
    """Add a use with its flush water and return when the use ends."""
    use = any_use(story, start, random)
    story.flush(use.end + random.uniform(*FLUSH_PAUSE), random.uniform(*FLUSH_PERCENT), FLUSH_SLOPE)
    return use.end
