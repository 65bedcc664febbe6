from random import Random

from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import Reading
from iss_agents.tools.evaluation.broadcast import FIRST_INSTANT, Blind, BlindKind, Broadcast, Conditions
from iss_agents.tools.evaluation.scenario import Span, Story

HIDDEN_USE = 350.0


def readings(kind: BlindKind) -> list[Reading]:
    story = Story(20.5, 1000.0)
    story.use(HIDDEN_USE, 5.0, 0.2)
    conditions = Conditions(blinds=[Blind(kind, Span(300.0, 600.0))])
    return list(Broadcast(story, conditions, Random(1)).readings())


def of(item_id: str, among: list[Reading]) -> list[Reading]:
    return [reading for reading in among if reading.item_id == item_id]


def seconds(reading: Reading) -> float:
    return (reading.source_ts - FIRST_INSTANT).total_seconds()


def test_the_clock_ticks_every_second() -> None:
    story = Story(20.5, 100.0)
    ticks = of(SIGNAL_ITEM, list(Broadcast(story, Conditions(), Random(1)).readings()))

    assert [seconds(tick) for tick in ticks] == list(range(100))


def test_at_a_loss_of_signal_the_clock_says_so_and_is_silent() -> None:
    ticks = of(SIGNAL_ITEM, readings("los"))
    lost = [(seconds(tick), tick.status_class) for tick in ticks if 299 <= seconds(tick) <= 601]

    assert lost == [(299.0, "24"), (300.0, "1"), (600.0, "24"), (600.0, "24"), (601.0, "24")]


def test_what_a_gap_hid_comes_after_it() -> None:
    (_, newest) = of(TANK_ITEM, readings("silence"))

    assert newest.value == "25"
    assert (newest.ingest_ts - FIRST_INSTANT).total_seconds() >= 600


def test_a_reconnect_brings_a_snapshot_with_the_time_of_the_change() -> None:
    (_, newest) = of(TANK_ITEM, readings("reconnect"))

    assert (newest.value, newest.snapshot, newest.session) == ("25", True, 2)
    assert HIDDEN_USE < seconds(newest) < 400


def test_a_frozen_broadcast_repeats_what_was_known() -> None:
    first, again, once_more, newest = of(TANK_ITEM, readings("frozen"))

    assert first.event_id == again.event_id == once_more.event_id
    assert newest.value == "25"


def test_a_static_level_is_wrong_and_says_so() -> None:
    levels = of(TANK_ITEM, readings("static"))

    assert {level.status_class for level in levels if 300 <= seconds(level) < 600} == {"9"}
    assert (levels[-1].status_class, levels[-1].value, seconds(levels[-1])) == ("24", "25", 600.0)


def test_a_zero_burst_is_marked_or_not() -> None:
    for kind, mark in (("zeros", None), ("marked_zeros", "zero_burst")):
        shown = [(level.value, level.suspect) for level in of(TANK_ITEM, readings(kind))]  # type: ignore[arg-type]
        assert shown == [("20", None), ("0", mark), ("25", None)]


def test_repeated_readings_keep_their_time_and_id() -> None:
    sent = list(Broadcast(Story(20.5, 200.0), Conditions(repeats=0.5), Random(1)).readings())

    assert len(sent) > len({reading.event_id for reading in sent}) == 202
