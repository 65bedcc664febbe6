"""Plumbing of the modelled tank, and a feed that falters without losing a level."""

from itertools import pairwise
from random import Random

import pytest

from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import Reading
from iss_agents.tools.evaluation.broadcast import FIRST_INSTANT, Blind, BlindKind, Broadcast, Conditions
from iss_agents.tools.evaluation.hydraulics import STROKES, pump_strokes
from iss_agents.tools.evaluation.scenario import Ramp, Span, Story
from iss_agents.tools.evaluation.sensor import Sensor
from iss_agents.tools.evaluation.stream import LIKE_PEOPLE, Stream


def shown(story: Story) -> list[int]:
    return [change.value for change in Sensor(story, Random(1)).changes()]


def test_a_level_that_lags_arrives_later_and_completely() -> None:
    ramp = Ramp("use", 0.0, 20.0, 4.0, lag=10.0)
    levels = [ramp.done(float(at)) for at in range(100)]

    assert levels == sorted(levels)
    assert 2.0 < ramp.done(20.0) < 2.5
    assert ramp.done(ramp.settled) == 4.0


def test_hysteresis_calms_a_level_at_a_boundary() -> None:
    story = Story(27.0, 600.0)
    story.hysteresis = 0.3

    assert len(shown(story)) == 1


def test_a_use_leaves_an_oscillation() -> None:
    story = Story(26.5, 600.0)
    story.slosh_percent = 0.8
    story.use(100.0, 5.0, 0.2)

    after = [change.value for change in Sensor(story, Random(1)).changes() if change.at > 125]
    assert any(later > earlier for earlier, later in pairwise(after))


def test_flush_water_is_no_part_of_the_use() -> None:
    story = Story(20.0, 600.0)
    story.use(100.0, 4.0, 0.2)
    story.flush(150.0, 1.0, 0.2)

    (use,) = Stream(story, Conditions(), Random(1)).truths
    assert (use.kind, use.rise, story.level(600.0)) == ("use", 4.0, 25.0)


def test_only_the_first_strokes_of_a_pump_may_be_taken_for_people() -> None:
    kinds = [truth.kind for truth in pump_strokes(Random(1)).truths]

    assert kinds == ["partial"] * LIKE_PEOPLE
    assert len(kinds) < STROKES


FALTER = Span(195.0, 215.0)


def delivered(kind: BlindKind) -> list[Reading]:
    story = Story(20.5, 400.0)
    story.use(200.0, 5.0, 0.2)
    return list(Broadcast(story, Conditions(blinds=[Blind(kind, FALTER)]), Random(1)).readings())


@pytest.mark.parametrize("kind", ["blink", "backlog"])
def test_when_the_feed_falters_every_level_comes_in_order_and_the_clock_does_not(kind: BlindKind) -> None:
    readings = delivered(kind)
    levels = [reading for reading in readings if reading.item_id == TANK_ITEM]
    ticks = {
        (reading.source_ts - FIRST_INSTANT).total_seconds()
        for reading in readings
        if reading.item_id == SIGNAL_ITEM
    }

    assert levels == sorted(levels, key=lambda level: level.sequence)
    assert {int(level.value) for level in levels} >= {20, 21, 22, 23, 24, 25}
    assert not ticks & set(range(196, 215))


def test_a_backlog_comes_when_the_feed_is_back() -> None:
    held_up = [
        level
        for level in delivered("backlog")
        if level.item_id == TANK_ITEM
        and FALTER.start < (level.source_ts - FIRST_INSTANT).total_seconds() < FALTER.end
    ]

    assert held_up
    assert all((level.ingest_ts - FIRST_INSTANT).total_seconds() >= FALTER.end for level in held_up)


def test_late_levels_keep_their_times() -> None:
    def levels(lateness: float) -> list[Reading]:
        story = Story(20.5, 400.0)
        story.use(200.0, 5.0, 0.2)
        stream = Broadcast(story, Conditions(lateness=lateness), Random(1)).readings()
        return [reading for reading in stream if reading.item_id == TANK_ITEM]

    for usual, late in zip(levels(0.0), levels(30.0), strict=True):
        assert late.source_ts == usual.source_ts
        assert round((late.ingest_ts - usual.ingest_ts).total_seconds()) == 30
