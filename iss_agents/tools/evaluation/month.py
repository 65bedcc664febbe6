"""Scenario mix of a month: the crew, the processor's cycle, transfers, gaps, faults."""

from random import Random

from iss_agents.tools.evaluation.broadcast import Blind, BlindKind, Conditions
from iss_agents.tools.evaluation.scenario import Span, Story
from iss_agents.tools.evaluation.scenario_catalog import GAP_SECONDS, SECONDS_PER_PERCENT
from iss_agents.tools.evaluation.stream import Stream
from iss_agents.tools.evaluation.uses import any_use

DAY = 86_400.0
DAYS = 30
USES_A_DAY = 12.0
"""Three to four users at three to four uses a day (derived in feed.md)."""

WAKING = Span(6 * 3600.0, 22 * 3600.0)
SOON = Span(75.0, 400.0)
SOON_CHANCE = 0.15
"""Probability that another use follows within minutes."""

FULL, EMPTY = 70.0, 8.0
"""The processor starts at about 70 % and stops at about 8 % (model after NTRS 20110012703)."""

CLEARANCE = 240.0
"""Seconds between a use and anything else that moves the tank on purpose."""

TRANSFERS = 10
JUMPS = (-9.0, -5.0, 5.0, 9.0)
HALF_EMPTY = Span(20.0, 45.0)
FAULTS: dict[BlindKind, int] = {
    "los": 150,
    "reconnect": 12,
    "frozen": 4,
    "static": 4,
    "zeros": 2,
    "marked_zeros": 2,
}
BURST_SECONDS = 60.0
OUTAGE = Span(12.3 * DAY, 12.3 * DAY + 6.5 * 3600.0)
"""An outage as long as that of 11 August 2026."""


def mixed_month(random: Random) -> Stream:
    """Return thirty days of the tank; the clock ticks every 5 s, every 20 s at rest, for speed."""
    story = Story(35.0, DAYS * DAY)
    _crew_and_processor(story, random)
    for _ in range(TRANSFERS):
        rise, slope = random.choice([(25.0, 0.2), (8.0, 0.02), (12.0, 1.5)])
        at = _free_moment(story, random, rise / slope)
        story.transfer(at, rise, slope)
        # The processor takes it out again, so that the month stays within the tank.
        story.drain(at + rise / slope + CLEARANCE, rise, SECONDS_PER_PERCENT.start)
    for change in random.sample(JUMPS, len(JUMPS)):
        story.jump(_free_moment(story, random, 0.0), change)
    conditions = Conditions(tick_seconds=5, resting_tick_seconds=20, blinds=_blinds(random))
    return Stream(story, conditions, random)


def _crew_and_processor(story: Story, random: Random) -> None:
    at, level = WAKING.start, story.first_level
    while at < story.length - 600.0:
        use = any_use(story, at, random)
        level += use.change
        if level >= FULL and not _is_draining(story, use.end):
            drain = story.drain(use.end + CLEARANCE, level - EMPTY, random.uniform(*SECONDS_PER_PERCENT))
            level += drain.change
        at = _next_use(use.end, random)


def _next_use(after: float, random: Random) -> float:
    if random.random() < SOON_CHANCE:
        return after + random.uniform(*SOON)
    pause = random.expovariate(USES_A_DAY * (1 - SOON_CHANCE) / (WAKING.end - WAKING.start))
    at = after + SOON.start + pause
    # Who would go at night goes in the morning, but not all at the same minute.
    return at if WAKING.start <= at % DAY <= WAKING.end else _morning_after(at, random)


def _morning_after(at: float, random: Random) -> float:
    night_over = at - (at % DAY) + WAKING.start + (DAY if at % DAY > WAKING.end else 0.0)
    return night_over + random.uniform(0.0, 1800.0)


def _free_moment(story: Story, random: Random, length: float) -> float:
    """Return a moment around which nobody uses the tank, and at which it is half empty."""
    while True:
        at = random.uniform(600.0, story.length - 1800.0)
        span = Span(at - CLEARANCE, at + length + CLEARANCE)
        crowded = any(span.near(Span(ramp.start, ramp.end)) for ramp in story.ramps if ramp.trait != "drain")
        if not crowded and HALF_EMPTY.start < story.level(at) < HALF_EMPTY.end:
            return at


def _is_draining(story: Story, at: float) -> bool:
    return any(drain.start <= at < drain.end for drain in story.of("drain"))


def _blinds(random: Random) -> list[Blind]:
    blinds = [Blind("reconnect", OUTAGE)]
    for kind, count in FAULTS.items():
        placed = 0
        while placed < count:
            start = random.uniform(600.0, DAYS * DAY - 1800.0)
            length = BURST_SECONDS if "zeros" in kind else random.uniform(*GAP_SECONDS)
            span = Span(start, start + length)
            if not any(blind.span.near(span, 120.0) for blind in blinds):
                blinds.append(Blind(kind, span))
                placed += 1
    return blinds
