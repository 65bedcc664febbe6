"""What is counted of the updates that come in."""

import pytest
from prometheus_client import REGISTRY

from iss_agents.feed.decode import Update
from iss_agents.feed.pipeline import Pipeline
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import GOOD_STATUS, decode_gap, decode_reading
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.telemetry.topics import GAPS, INVALID, RAW, partition_for
from tests.feed.factory import NOW, after, update


def newest() -> float | None:
    return REGISTRY.get_sample_value("iss_feed_last_reading_timestamp_seconds")


def acquired() -> float | None:
    return REGISTRY.get_sample_value("iss_signal_acquired")


def delays() -> tuple[float, float]:
    """Return how many delays were observed, and their sum in seconds."""
    name = "iss_source_to_ingest_seconds"
    count, total = (REGISTRY.get_sample_value(f"{name}_{what}") for what in ("count", "sum"))
    return count or 0.0, total or 0.0


def test_the_memory_of_the_server_is_no_new_reading() -> None:
    pipeline = Pipeline("simulated")

    pipeline.process([update(TimeStamp=repr(station_hours(after(2))))], 0)
    assert newest() == after(2).timestamp()

    snapshot = update()._replace(snapshot=True, session=2, arrival=after(90))
    pipeline.process([snapshot], 0)
    assert newest() == after(2).timestamp()


def test_a_feed_that_ends_says_nothing_of_the_signal_any_longer() -> None:
    pipeline = Pipeline("simulated")

    pipeline.process([update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(2))))], 0)
    pipeline.tick(3)
    assert acquired() == 1.0

    pipeline.finish(after(4), 4)
    assert acquired() == 0.0


def test_of_updates_that_came_together_the_slowest_is_observed() -> None:
    pipeline, (count, total) = Pipeline("simulated"), delays()
    slower = update("NODE3000008", TimeStamp=repr(station_hours(after(-3))))

    pipeline.process([update(), slower, update("NODE3000009")], 0)
    pipeline.process([update()._replace(snapshot=True, session=2)], 0)

    assert delays()[0] == count + 1
    assert delays()[1] == pytest.approx(total + 9)


def published(records: list[ProducerRecord], topic: str) -> list[bytes]:
    return [record.value for record in records if record.topic == topic]


def moments(*seconds: float, status: str = GOOD_STATUS) -> list[Update]:
    """What the station's clock sends at these seconds after NOW."""
    return [
        update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(second))), StatusClass=status)
        for second in seconds
    ]


OWNER, OTHER = (Shard(number, 12) for number in (partition_for(SIGNAL_ITEM) + 1, partition_for("S0000004") + 1))


def test_a_shard_publishes_its_own_items_and_follows_the_clock_without_publishing_it() -> None:
    pipeline, own = Pipeline("simulated", OTHER), update("S0000004", TimeStamp=repr(station_hours(NOW)))
    records = pipeline.process([*moments(0), own, *moments(1)], 0)

    assert [decode_reading(value).item_id for value in published(records, RAW.name)] == ["S0000004"]
    assert pipeline.signal.acquired


def test_only_the_shard_that_holds_the_clock_tells_of_a_loss_of_signal() -> None:
    def told(shard: Shard) -> list[tuple[str, str | None]]:
        pipeline = Pipeline("simulated", shard)
        records = pipeline.process([*moments(0), *moments(1, status="1")], 0) + pipeline.finish(after(9), 9)
        gaps = [decode_gap(value) for value in published(records, GAPS.name)]
        return [(gap.cause, gap.shard) for gap in gaps]

    assert told(OTHER) == []
    # Begun and ended.
    assert told(OWNER) == [("los", str(OWNER))] * 2


def test_an_outage_of_a_shard_says_so() -> None:
    pipeline = Pipeline("simulated", OTHER)
    pipeline.process(moments(0), 0)
    [gap] = [decode_gap(value) for value in published(pipeline.lose_session("gone"), GAPS.name)]

    assert (gap.cause, gap.shard) == ("outage", str(OTHER))


def test_a_broken_clock_is_reported_by_the_shard_that_holds_it() -> None:
    def reported(shard: Shard) -> int:
        records = Pipeline("simulated", shard).process([update(SIGNAL_ITEM, TimeStamp="noon")], 0)
        return len(published(records, INVALID.name))

    assert (reported(OWNER), reported(OTHER)) == (1, 0)


def invalid_count() -> float:
    found = REGISTRY.get_sample_value("iss_invalid_total", {"stage": "feed", "reason": "no_value"})
    return found or 0.0


def test_a_value_that_stays_null_is_one_dead_letter_however_many_sessions_show_it() -> None:
    pipeline, before = Pipeline("simulated"), invalid_count()
    shown = update("CSASSRMS004", Value=None)

    records = [
        record
        for session in range(1, 4)
        for record in pipeline.process(
            [shown._replace(snapshot=True, session=session, arrival=after(6 + session))], session
        )
    ]

    assert [record.topic for record in records] == [INVALID.name]
    assert invalid_count() == before + 1


def test_what_is_invalid_in_another_way_or_live_is_told_again() -> None:
    pipeline, before = Pipeline("simulated"), invalid_count()
    shown = update("CSASSRMS004", Value=None)._replace(snapshot=True)
    other = update("CSASSRMS004", Value="", StatusClass="24")._replace(snapshot=True)

    told = [shown, other, shown._replace(snapshot=False), shown._replace(snapshot=False, arrival=after(9))]
    records = pipeline.process(told, 0)

    assert len({record.value for record in records}) == len(told)
    assert invalid_count() == before + len(told)


def test_a_clock_that_moves_but_stays_late_is_said() -> None:
    pipeline, problems = Pipeline("simulated"), []
    for at in range(40):
        tick = update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(at - 75))))._replace(arrival=after(at))
        pipeline.process([tick], at)
        problems.append(pipeline.clock_problem(at))

    assert set(problems[:30]) == {""}
    assert problems[-1] == "The station's clock moves and is 75 s late: is this machine's clock right?"
