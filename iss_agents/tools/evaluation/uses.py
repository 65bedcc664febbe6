"""Uses of the toilet as they were observed on the public feed."""

from random import Random

from iss_agents.tools.evaluation.scenario import Ramp, Story


def small_use(story: Story, start: float, random: Random) -> Ramp:
    """Add a use as peebot saw them: +2 to +3 % in 10 to 25 s."""
    rise = random.uniform(2.0, 3.2)
    return story.use(start, rise, max(0.1, rise / random.uniform(10.0, 25.0)))


def large_use(story: Story, start: float, random: Random) -> Ramp:
    """Add a use as isspiss saw them: +5 to +10 % at about 1 % in 5 s."""
    return story.use(start, random.uniform(5.0, 10.0), random.uniform(0.16, 0.22))


def any_use(story: Story, start: float, random: Random) -> Ramp:
    """Add a use of either kind."""
    return random.choice([small_use, large_use])(story, start, random)
