import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.feed.publisher import Overflow
from iss_agents.feed.service import Feed, FeedBusyError
from iss_agents.runtime.health import Health
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import decode_invalid
from iss_agents.telemetry.topics import INVALID
from tests.feed.factory import NUMBERS, reading
from tests.feed.running_feed import NOWHERE, RecordingPublisher, Running, running, short_waits
from tests.waiting import until

__all__ = ["running", "short_waits"]


async def test_the_snapshot_comes_first_and_then_each_change(running: Running, station: Station) -> None:
    for value in ("38", "39", "40"):
        station.publish("NODE3000005", value)
    await until(lambda: len(running.publisher.values("NODE3000005")) == 4)

    readings = running.publisher.readings("NODE3000005")
    assert [one.value for one in readings] == ["37", "38", "39", "40"]
    assert [one.snapshot for one in readings] == [True, False, False, False]
    assert {one.source for one in readings} == {"simulated"}
    assert (running.ok, running.detail) == (True, f"Readings arrive from {station.url}")


async def test_a_malformed_update_goes_to_the_invalid_topic_and_the_feed_goes_on(
    running: Running, station: Station
) -> None:
    station.push("NODE3000005", {"TimeStamp": "noon", "Value": "38"})
    station.push("NODE3000008", {"Value": "38"})
    station.publish("NODE3000005", "39")
    await until(lambda: running.publisher.values("NODE3000005") == ["37", "39"])

    invalid = [decode_invalid(one.value) for one in running.publisher.offered if one.topic == INVALID.name]
    assert [(one.item_id, one.reason) for one in invalid] == [("NODE3000005", "time_stamp")]
    assert running.publisher.values("NODE3000008") == []


async def test_a_dropped_socket_loses_nothing_and_is_no_gap(running: Running, station: Station) -> None:
    station.faults.drop()
    for value in ("38", "39", "40"):
        station.publish("NODE3000005", value)
    await until(lambda: running.publisher.values("NODE3000005") == ["37", "38", "39", "40"])

    assert running.publisher.gaps("outage") == []
    assert len({one.session for one in running.publisher.readings()}) == 1


async def test_a_session_that_ends_for_good_is_replaced_and_the_gap_recorded(
    running: Running, station: Station
) -> None:
    before = REGISTRY.get_sample_value("iss_feed_reconnects_total") or 0.0
    station.faults.end()
    await until(lambda: len(running.publisher.gaps("outage")) == 1)
    await until(lambda: station.sessions == 1)
    assert REGISTRY.get_sample_value("iss_feed_reconnects_total") == before + 1
    await until(lambda: _publish_until(station, running))

    opened, ended = running.publisher.gaps("outage")
    assert opened.gap_id == ended.gap_id
    assert opened.end is None
    assert ended.end is not None
    assert opened.start < ended.end
    await until(lambda: running.ok)


def _publish_until(station: Station, running: Running) -> bool:
    station.publish("NODE3000005", "38")
    return len(running.publisher.gaps("outage")) == 2


async def test_lost_updates_are_one_gap_and_one_line_however_many_they_are(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.feed._lose_updates({"NODE3000005": 4000, "NODE3000008": 1000})
    running.feed._lose_updates({"NODE3000005": 2})

    many, one = running.publisher.gaps("overflow")
    assert (many.detail, many.item_id) == ("5000 updates of 2 items were dropped", None)
    assert (one.detail, one.item_id) == ("2 updates of NODE3000005 were dropped", "NODE3000005")
    assert len(caplog.records) == 2


async def test_an_unreachable_feed_says_so_and_goes_on_trying(tmp_path: Path) -> None:
    running = Running("http://127.0.0.1:1", tmp_path)
    async with running.feed:
        await until(lambda: not running.ok)

        assert "http://127.0.0.1:1 is unreachable (connection refused); retrying" in running.detail


async def test_a_loss_of_signal_is_a_gap_and_no_reason_to_reconnect(running: Running, station: Station) -> None:
    running.feed.silence_seconds = 0.5
    station.faults.los(seconds=1.5)
    await until(lambda: len(running.publisher.gaps("los")) == 2)

    opened, ended = running.publisher.gaps("los")
    assert opened.gap_id == ended.gap_id
    assert (opened.end, ended.end is not None) == (None, True)
    assert len({one.session for one in running.publisher.readings()}) == 1


async def test_a_silent_session_is_replaced(running: Running, station: Station) -> None:
    first = {one.session for one in running.publisher.readings()}
    running.feed.silence_seconds = 0.5
    station.faults.freeze()
    await until(lambda: {one.session for one in running.publisher.readings()} > first)

    assert set(running.publisher.values("NODE3000005")) == {"37"}
    assert not running.ok
    station.faults.recover()
    await until(lambda: running.ok)


async def test_a_socket_that_never_answers_is_replaced(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, ExitStack() as connections:
        mute.settimeout(0)
        running = Running(f"http://127.0.0.1:{mute.getsockname()[1]}", tmp_path)
        running.feed.silence_seconds = 0.3
        async with running.feed:
            for _ in range(3):
                await until(lambda: _accept(mute, connections))
            assert "has sent nothing" in running.detail


def _accept(mute: socket.socket, connections: ExitStack) -> bool:
    try:
        connection, _ = mute.accept()
    except BlockingIOError:
        return False
    connections.enter_context(connection)
    return True


async def test_a_frozen_broadcast_is_marked_and_seen_again_when_it_moves(
    station: Station, tmp_path: Path
) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    station.signal(long_ago)
    station.publish("NODE3000005", "37", long_ago)
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: len(running.publisher.readings()) == 2)
        assert [one.suspect for one in running.publisher.readings()] == ["frozen", "frozen"]

        station.signal()
        await until(lambda: len(running.publisher.readings("NODE3000005")) == 2)

    marked, believed = running.publisher.readings("NODE3000005")
    assert (marked.suspect, believed.suspect) == ("frozen", None)
    assert marked.event_id == believed.event_id
    assert [gap.end is None for gap in running.publisher.gaps("frozen")] == [True, False]


async def test_a_zero_burst_is_marked_and_its_end_believed(running: Running, station: Station) -> None:
    for item in NUMBERS:
        station.publish(item, "41")
    await until(lambda: all("41" in running.publisher.values(item) for item in NUMBERS))
    station.faults.zero_burst(seconds=0.5)
    await until(lambda: running.publisher.values("NODE3000005")[-1] == "41")
    await until(lambda: any(one.value == "0" for one in running.publisher.readings()))

    zeros = [one for one in running.publisher.readings() if one.value == "0"]
    assert len(zeros) >= 5
    assert {one.suspect for one in zeros} == {"zero_burst"}


async def test_drain_disconnects_and_releases_what_waits(running: Running, station: Station) -> None:
    station.publish("NODE3000005", "0")
    station.publish("NODE3000008", "50")
    await until(lambda: running.publisher.values("NODE3000008") == ["50"])
    assert running.publisher.values("NODE3000005") == ["37"]

    await running.feed.drain()

    assert running.publisher.values("NODE3000005") == ["37", "0"]
    assert running.detail == "drained"
    await until(lambda: station.sessions == 0)
    running.feed.submit(reading("NODE3000005", source="test"))
    assert running.publisher.readings()[-1].source == "test"


async def test_a_worker_that_no_longer_leads_stands_by_and_comes_back(
    running: Running, station: Station
) -> None:
    first = {one.session for one in running.publisher.readings()}
    running.feed._election.decide(leads=False)
    await until(lambda: running.detail == "standby")
    await until(lambda: station.sessions == 0)
    assert running.ok

    running.feed._election.decide(leads=True)
    await until(lambda: {one.session for one in running.publisher.readings()} > first)
    assert running.publisher.gaps("outage") == []


async def test_a_feed_that_stops_disconnects_and_ends_its_gaps(running: Running, station: Station) -> None:
    station.faults.los()
    await until(lambda: len(running.publisher.gaps("los")) == 1)

    await running.feed.stop()

    assert [gap.end is None for gap in running.publisher.gaps("los")] == [True, False]
    await until(lambda: station.sessions == 0)


async def test_a_busy_publisher_refuses_test_readings(running: Running) -> None:
    running.publisher.busy = True

    with pytest.raises(FeedBusyError, match="try again later"):
        running.feed.submit(reading("NODE3000005", source="test"))


async def test_refused_readings_are_a_gap_and_asked_for_again(running: Running) -> None:
    first = {one.session for one in running.publisher.readings()}
    running.publisher.on_overflow(Overflow(datetime.now(UTC), datetime.now(UTC), "the spool is full"))
    await until(lambda: {one.session for one in running.publisher.readings()} > first)

    assert [gap.detail for gap in running.publisher.gaps("overflow")] == [
        "readings were rejected: the spool is full"
    ]


async def test_a_feed_that_is_off_stands_by(station: Station, tmp_path: Path) -> None:
    settings = Settings(feed="off", feed_url=station.url, kafka_url=NOWHERE, home=tmp_path)
    health = Health()
    async with Feed(settings, health, RecordingPublisher(settings, health)):
        assert (health.parts["feed"].ok, health.parts["feed"].detail) == (True, "standby")
        assert station.sessions == 0
