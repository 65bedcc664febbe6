import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.feed.connection import Connection
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Overflow, Publisher
from iss_agents.feed.service import Feed, FeedBusyError
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import FEED_REFUSED_ITEMS
from iss_agents.simulator.station import Station
from iss_agents.simulator.tlcp import control
from iss_agents.telemetry import shards as shard_module
from iss_agents.telemetry.catalog import SIGNAL_ITEM, items
from iss_agents.telemetry.records import Gap, Reading, decode_gap, decode_invalid, decode_reading
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.topics import GAPS, INVALID, RAW
from tests.feed.factory import NUMBERS, reading
from tests.waiting import until

NOWHERE = "127.0.0.1:1"
CABIN = "USLAB000058"


class RecordingPublisher(Publisher):
    """A publisher that keeps what it is offered instead of sending it to Kafka."""

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__(settings, health)
        self.offered: list[ProducerRecord] = []
        self.recovered = 0
        self.busy = False

    @property
    def above_high_water(self) -> bool:
        return self.busy

    async def recover(self) -> None:
        self.recovered += 1

    def offer(self, records: Sequence[ProducerRecord]) -> None:
        assert self.recovered, "what others left goes out first"
        self.offered += records

    async def flush(self, timeout: float) -> bool:  # noqa: ASYNC109 - as the real one
        return timeout > 0

    def readings(self, item_id: str | None = None) -> list[Reading]:
        readings = [decode_reading(one.value) for one in self.offered if one.topic == RAW.name]
        return [one for one in readings if item_id in {None, one.item_id}]

    def values(self, item_id: str) -> list[str]:
        return [one.value for one in self.readings(item_id)]

    def gaps(self, cause: str) -> list[Gap]:
        gaps = [decode_gap(one.value) for one in self.offered if one.topic == GAPS.name]
        return [gap for gap in gaps if gap.cause == cause]


class Running:
    """A feed that has begun, with the health that it reports to and the publisher that it offers to."""

    def __init__(self, url: str, home: Path, shard: Shard = WHOLE, kafka_url: str = NOWHERE) -> None:
        settings = Settings(feed="always", feed_shard=shard, feed_url=url, kafka_url=kafka_url, home=home)
        self.health = Health()
        self.publisher = RecordingPublisher(settings, self.health)
        self.feed = Feed(settings, self.health, self.publisher)

    @property
    def detail(self) -> str:
        return self.health.parts["feed"].detail

    @property
    def ok(self) -> bool:
        return self.health.parts["feed"].ok


Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "first_wait", 0.2)
    monkeypatch.setattr(Connection, "longest_wait", 0.4)


@pytest.fixture
async def running(station: Station, tmp_path: Path) -> AsyncIterator[Running]:
    """A feed that has heard the station's clock and a tank at 37 %."""
    station.signal()
    station.publish("NODE3000005", "37")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: running.publisher.values("NODE3000005") == ["37"])
        yield running


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


async def test_lost_updates_are_one_gap_and_one_line_however_many_they_are(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.feed._lose_updates({"NODE3000005": 4000, "NODE3000008": 1000})
    running.feed._lose_updates({"NODE3000005": 2})

    many, one = running.publisher.gaps("overflow")
    assert (many.detail, many.item_id) == ("5000 updates of 2 items were dropped", None)
    assert (one.detail, one.item_id) == ("2 updates of NODE3000005 were dropped", "NODE3000005")
    assert len(caplog.records) == 2


async def test_a_server_that_knows_no_item_is_said_to_refuse_all(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "items", lambda: dict.fromkeys(["GONE", "LOST"]))
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: "rejects every item (21: Bad Item Group name)" in running.detail)

        assert not running.ok


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
