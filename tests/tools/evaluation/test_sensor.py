from itertools import pairwise
from random import Random

from iss_agents.tools.evaluation.scenario import Span, Story
from iss_agents.tools.evaluation.sensor import Change, Sensor


def changes(story: Story) -> list[Change]:
    return list(Sensor(story, Random(1)).changes())


def test_a_resting_level_within_a_point_is_truncated_and_never_changes() -> None:
    assert changes(Story(26.5, 3600.0)) == [Change(0.0, 26)]


def test_a_level_at_a_boundary_flaps_between_two_neighbours() -> None:
    story = Story(27.0, 600.0)
    story.flap_seconds = Span(0.45, 2.0)
    seen = changes(story)

    assert {change.value for change in seen} == {26, 27}
    assert len(seen) > 100


def test_a_use_ends_at_its_true_level() -> None:
    story = Story(26.5, 600.0)
    story.use(100.0, 8.0, 0.2)
    seen = changes(story)

    assert seen[-1].value == 34
    assert 100 < seen[1].at < seen[-1].at < 145


def test_a_use_bounces_by_a_point() -> None:
    steps = set()
    for seed in range(20):
        story = Story(26.5, 600.0)
        story.use(100.0, 8.0, 0.2)
        values = [change.value for change in Sensor(story, Random(seed)).changes()]
        steps |= {later - earlier for earlier, later in pairwise(values)}

    assert steps == {-1, 1, 2}


def test_a_drop_is_followed_by_an_oscillation() -> None:
    story = Story(56.5, 1800.0)
    story.drain(0.0, 6.0, 300.0)
    # The last two percent, in which the drain is stable.
    seen = [change for change in changes(story) if change.at > 1200]

    fallen = [later for earlier, later in pairwise(seen) if later.value < earlier.value]
    risen = [later for earlier, later in pairwise(seen) if later.value == earlier.value + 1]
    assert any(0 < up.at - down.at < 36 for down in fallen for up in risen)
