from random import Random

from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.evaluation.broadcast import FIRST_INSTANT, Blind, Conditions
from iss_agents.tools.evaluation.month import mixed_month
from iss_agents.tools.evaluation.scenario import Span, Story
from iss_agents.tools.evaluation.scenario_catalog import SCENARIOS
from iss_agents.tools.evaluation.stream import Stream, Truth

BEGIN = milliseconds(FIRST_INSTANT)


def truths(*starts: float) -> list[Truth]:
    story = Story(20.0, 2000.0)
    for start in starts:
        story.use(start, 4.0, 0.2)
    blinds = [Blind("los", Span(500.0, 800.0))]
    return Stream(story, Conditions(blinds=blinds), Random(1)).truths


def test_a_use_far_from_gaps_must_be_told() -> None:
    assert truths(100.0) == [Truth("use", BEGIN + 100_000, BEGIN + 120_000, 4.0)]


def test_a_use_that_touches_a_gap_counts_neither_way() -> None:
    assert [truth.kind for truth in truths(455.0)] == ["partial"]
    assert [truth.kind for truth in truths(445.0)] == ["use"]
    assert [truth.kind for truth in truths(829.0)] == ["partial"]


def test_uses_inside_a_gap_are_one_hidden_rise() -> None:
    assert truths(550.0, 650.0) == [Truth("hidden", BEGIN + 500_000, BEGIN + 800_000, 8.0)]


def test_the_same_seed_gives_the_same_stream() -> None:
    for scenario in SCENARIOS:
        one, other = scenario.stream(Random(7)), scenario.stream(Random(7))
        assert one.truths == other.truths
        assert list(one.readings()) == list(other.readings())


def test_scenarios_have_uses_where_they_say_so() -> None:
    for scenario in SCENARIOS:
        kinds = {truth.kind for seed in range(5) for truth in scenario.stream(Random(seed)).truths}
        assert ("use" in kinds) == scenario.has_uses, scenario.name


def test_a_month_holds_a_busy_crew_and_every_trouble() -> None:
    month = mixed_month(Random(1))
    kinds = [truth.kind for truth in month.truths]

    assert 300 < kinds.count("use") < 450
    assert set(kinds) == {"use", "partial", "hidden"}
    assert month.seconds == 30 * 86_400
