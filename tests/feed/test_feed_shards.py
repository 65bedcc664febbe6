"""Shards of a feed: each publishes its own items, and knows the clock of all."""

from pathlib import Path

import pytest

from iss_agents.simulator.station import Station
from iss_agents.telemetry import shards as shard_module
from iss_agents.telemetry.catalog import SIGNAL_ITEM, items
from iss_agents.telemetry.shards import Shard
from tests.feed.running_feed import Running, short_waits
from tests.waiting import until

__all__ = ["short_waits"]


async def test_two_shards_of_a_feed_publish_each_item_once(station: Station, tmp_path: Path) -> None:
    one, other = (Running(station.url, tmp_path, shard) for shard in Shard(1, 2).siblings)
    async with one.feed, other.feed:
        station.signal()
        for item_id in items().keys() - {SIGNAL_ITEM}:
            station.publish(item_id, "1")
        await until(lambda: len(one.publisher.readings()) + len(other.publisher.readings()) == len(items()))

        assert {reading.item_id for reading in one.publisher.readings()}.isdisjoint(
            reading.item_id for reading in other.publisher.readings()
        )
        assert other.detail == f"Readings of shard 2/2 arrive from {station.url}"


async def test_a_shard_without_the_clock_waits_through_a_loss_of_signal(
    station: Station, tmp_path: Path
) -> None:
    shard = next(each for each in Shard(1, 2).siblings if not each.holds(SIGNAL_ITEM))
    running = Running(station.url, tmp_path, shard)
    running.feed.silence_seconds = 0.5
    async with running.feed:
        station.signal(status_class="1")
        await until(lambda: running.feed._idle_timeout() == running.feed.loss_of_signal_seconds)

        assert not running.publisher.offered


async def test_a_shard_whose_own_items_are_all_unknown_is_said_to_be_refused(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name in ("GONE", "LOST", "NEVER") if Shard(1, 2).holds(name)]
    monkeypatch.setattr(shard_module, "items", lambda: dict.fromkeys([SIGNAL_ITEM, *names]))
    running = Running(station.url, tmp_path, Shard(1, 2))
    async with running.feed:
        await until(lambda: "rejects every item (21: Bad Item Group name)" in running.detail)

        assert names
        assert not running.ok


async def test_what_the_server_drops_of_the_clock_is_no_loss_of_a_shard_without_it(
    station: Station, tmp_path: Path
) -> None:
    running = Running(station.url, tmp_path, Shard(1, 2))
    async with running.feed:
        running.feed._lose_updates({SIGNAL_ITEM: 3})

        assert not Shard(1, 2).holds(SIGNAL_ITEM)
        assert not running.publisher.offered
