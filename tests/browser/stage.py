"""What the browser looks at: a worker with all roles, a simulated station, a real Kafka and database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.database import Database
from iss_agents.local_stack.ports import free_port
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import GOOD_STATUS
from iss_agents.telemetry.station_clock import rfc3339
from tests.browser.past import CABIN, keep_past
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

SIGNAL_LOST = "1"

STAGE_SECONDS = 2 * START_SECONDS
"""A browser and a past to read take their time on a busy machine."""


class Stage:
    """A worker at `worker.url` that shows what `station` publishes, and a past that began a day before `began`.

    The station's clock ticks every second, so that the signal is acquired, but for `without_signal`.
    """

    def __init__(self, station: Station, worker: Worker, database: Database, began: datetime) -> None:
        self.station, self.worker, self.began = station, worker, began
        self._database = database
        self._status_class = GOOD_STATUS

    def publish(self, item_id: str, value: str) -> None:
        """Have the station send a value that it measures now."""
        self.station.publish(item_id, value)

    @asynccontextmanager
    async def without_signal(self) -> AsyncIterator[None]:
        """Have the station say that its signal is lost until the block ends."""
        self._status_class = SIGNAL_LOST
        try:
            yield
        finally:
            self._status_class = GOOD_STATUS

    @asynccontextmanager
    async def without_database(self) -> AsyncIterator[None]:
        """Stop the database until the block ends."""
        assert self._database.program
        self._database.program.stop()
        try:
            yield
        finally:
            start(self._database)

    @asynccontextmanager
    async def without_worker(self) -> AsyncIterator[None]:
        """Stop the worker until the block ends; it is back, and healthy, after it."""
        await self.worker.stop()
        try:
            yield
        finally:
            self.worker.start()
            await until(self.worker.healthy, STAGE_SECONDS)

    async def tick(self) -> None:
        """Let the station's clock tick for ever."""
        while True:
            self.station.signal(status_class=self._status_class)
            await asyncio.sleep(1)

    async def shows_the_past(self) -> bool:
        """Whether all that happened before can be asked for."""
        assert self.worker.process
        assert self.worker.process.poll() is None, self.worker.log
        if not await self.worker.healthy():
            return False
        newest = await self.worker.get(f"/api/v1/telemetry?item={CABIN}&from={rfc3339(self.began)}")
        return bool(newest["count"])


@asynccontextmanager
async def staged(broker: Broker, folder: Path) -> AsyncIterator[Stage]:
    """Set up everything with data in `folder`, and take it down after the block."""
    database = Database(folder / "database", free_port())
    broker.start()
    start(database)
    began = datetime.now(UTC).replace(microsecond=0)
    await provision_topics(Settings(kafka_url=broker.url))
    await keep_past(broker.url, began)
    station = await Station().start()
    environment = {
        "ISS_KAFKA_URL": broker.url,
        "ISS_MONGO_URL": database.url,
        "ISS_FEED_URL": station.url,
        "ISS_FEED": "always",
    }
    try:
        async with running(folder / "home", **environment) as worker:
            stage = Stage(station, worker, database, began)
            ticking = asyncio.create_task(stage.tick())
            await until(stage.shows_the_past, STAGE_SECONDS)
            yield stage
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
    finally:
        await station.stop()
        assert database.program
        database.program.stop()


def start(database: Database) -> None:
    """Start a database and wait until it answers."""
    database.start().wait_until(database.ready)
