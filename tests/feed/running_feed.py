"""Feed of a simulated station, with a publisher that keeps what it is offered."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from iss_agents.config.settings import Settings
from iss_agents.feed.connection import Connection
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.service import Feed
from iss_agents.runtime.health import Health
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import Gap, Reading, decode_gap, decode_reading
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.topics import GAPS, RAW
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


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
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
