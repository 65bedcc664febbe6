"""What is counted of the updates that come in."""

import pytest
from prometheus_client import REGISTRY

from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.feed.intake import Intake
from iss_agents.feed.outgoing import Outgoing
from iss_agents.feed.update import Update
from iss_agents.records import GOOD_STATUS, decode_gap, decode_reading
from iss_agents.shard import Shard
from iss_agents.station_clock import station_hours
from iss_agents.topics import GAPS, INVALID, RAW, partition_for
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
    intake = Intake("simulated")

    intake.take([update(TimeStamp=repr(station_hours(after(2))))])
    assert newest() == after(2).timestamp()

    snapshot = update()._replace(snapshot=True, session=2, arrival=after(90))
    intake.take([snapshot])
    assert newest() == after(2).timestamp()


def test_a_feed_that_ends_says_nothing_of_the_signal_any_longer() -> None:
    intake = Intake("simulated")

    intake.take([update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(2))))])
    intake.look(after(3))
    assert acquired() == 1.0

    intake.finish(after(4))
    assert acquired() == 0.0


def test_of_updates_that_came_together_the_slowest_is_observed() -> None:
    intake, (count, total) = Intake("simulated"), delays()
    slower = update("NODE3000008", TimeStamp=repr(station_hours(after(-3))))

    intake.take([update(), slower, update("NODE3000009")])
    intake.take([update()._replace(snapshot=True, session=2)])

    assert delays()[0] == count + 1
    assert delays()[1] == pytest.approx(total + 9)


def published(records: list[Outgoing], topic: str) -> list[bytes]:
    return [record.value for record in records if record.topic == topic]


def moments(*seconds: float, status: str = GOOD_STATUS) -> list[Update]:
    """What the station's clock sends at these seconds after NOW."""
    return [
        update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(second))), StatusClass=status)
        for second in seconds
    ]


OWNER, OTHER = (Shard(number, 12) for number in (partition_for(SIGNAL_ITEM) + 1, partition_for("S0000004") + 1))


def test_a_shard_publishes_its_own_items_and_follows_the_clock_without_publishing_it() -> None:
    intake, own = Intake("simulated", OTHER), update("S0000004", TimeStamp=repr(station_hours(NOW)))
    records = intake.take([*moments(0), own, *moments(1)])

    assert [decode_reading(value).item_id for value in published(records, RAW.name)] == ["S0000004"]
    assert intake.signal.acquired


def test_only_the_shard_that_holds_the_clock_tells_of_a_loss_of_signal() -> None:
    def told(shard: Shard) -> list[tuple[str, str | None]]:
        intake = Intake("simulated", shard)
        records = intake.take([*moments(0), *moments(1, status="1")]) + intake.finish(after(9))
        gaps = [decode_gap(value) for value in published(records, GAPS.name)]
        return [(gap.cause, gap.shard) for gap in gaps]

    assert told(OTHER) == []
    # Begun and ended.
    assert told(OWNER) == [("los", str(OWNER))] * 2


def test_an_outage_of_a_shard_says_so() -> None:
    intake = Intake("simulated", OTHER)
    intake.take(moments(0))
    [gap] = [decode_gap(value) for value in published(intake.lose_session("gone"), GAPS.name)]

    assert (gap.cause, gap.shard) == ("outage", str(OTHER))


def test_a_broken_clock_is_reported_by_the_shard_that_holds_it() -> None:
    def reported(shard: Shard) -> int:
        records = Intake("simulated", shard).take([update(SIGNAL_ITEM, TimeStamp="noon")])
        return len(published(records, INVALID.name))

    assert (reported(OWNER), reported(OTHER)) == (1, 0)
