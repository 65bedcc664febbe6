"""Items and sessions that the server refuses: each is named, a gap, and asked for again."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from iss_agents.feed.connection import Connection
from iss_agents.runtime.metrics import FEED_REFUSED_ITEMS
from iss_agents.simulator.station import Station
from iss_agents.simulator.tlcp import control
from iss_agents.telemetry import shards as shard_module
from iss_agents.telemetry.catalog import SIGNAL_ITEM, items
from tests.feed.running_feed import CABIN, Running, running, short_waits
from tests.waiting import until

__all__ = ["running", "short_waits"]


async def test_refused_sessions_are_asked_for_until_they_are_given(running: Running, station: Station) -> None:
    station.faults.refuse(code=8)
    station.faults.end()
    await until(lambda: not running.ok)
    await until(lambda: "rejects the session (8" in running.detail)
    assert station.url in running.detail

    station.faults.recover()
    await until(lambda: running.ok)


async def test_an_item_that_has_disappeared_is_named_and_costs_no_other(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "items", lambda: {**items(), "GONE": None})
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: FEED_REFUSED_ITEMS._value.get() == 1)
        for value in ("37", "38"):
            station.publish("NODE3000005", value)
        await until(lambda: running.publisher.values("NODE3000005") == ["37", "38"])

        assert running.ok
        assert running.detail.endswith(", without GONE (21: Bad Item Group name)")


@pytest.mark.parametrize(("item", "essential"), [("NODE3000005", True), (SIGNAL_ITEM, True), (CABIN, False)])
async def test_an_item_that_was_refused_is_a_gap_and_asked_for_again_until_it_comes(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str, *, essential: bool
) -> None:
    known = dict(items())
    del known[item]
    monkeypatch.setattr(control, "items", lambda: known)
    monkeypatch.setattr(Connection, "resubscribe_seconds", 0.1)
    station.publish("NODE3000008", "50")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: running.publisher.values("NODE3000008") == ["50"])
        await until(lambda: running.publisher.gaps("outage"))
        station.publish("NODE3000008", "51")
        await until(lambda: item in running.detail)
        assert running.ok == (not essential)
        assert "(21: Bad Item Group name)" in running.detail

        known.update(items())
        if item == SIGNAL_ITEM:
            station.signal()
        else:
            station.publish(item, "37")
        await until(lambda: running.publisher.readings(item))
        await until(lambda: running.ok and running.detail == f"Readings arrive from {station.url}")
        assert station.listeners == 1

    opened, ended = running.publisher.gaps("outage")
    assert (opened.item_id, opened.end) == (item, None)
    assert opened.detail == f"the feed rejects {item} (21: Bad Item Group name)"
    assert ended == replace(opened, end=running.publisher.readings(item)[0].ingest_ts)
    assert FEED_REFUSED_ITEMS._value.get() == 0
    assert len({one.session for one in running.publisher.readings()}) == 1


async def test_the_gap_of_an_item_that_is_never_sent_ends_with_its_feed(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "items", lambda: {**items(), "GONE": None})
    monkeypatch.setattr(Connection, "resubscribe_seconds", 0.01)
    monkeypatch.setattr(Connection, "longest_resubscribe_seconds", 0.01)
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: FEED_REFUSED_ITEMS._value.get() == 1)

    opened, ended = running.publisher.gaps("outage")
    assert (opened.gap_id, opened.item_id, opened.end) == (ended.gap_id, "GONE", None)
    assert ended.end is not None


async def test_a_server_that_knows_no_item_is_said_to_refuse_all(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "items", lambda: dict.fromkeys(["GONE", "LOST"]))
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: "rejects every item (21: Bad Item Group name)" in running.detail)

        assert not running.ok
