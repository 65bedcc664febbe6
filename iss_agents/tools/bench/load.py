"""Load generator: a steady rate of updates into the feed's pipeline behind the Lightstreamer client."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic

from iss_agents.config.settings import Settings, make_home
from iss_agents.feed.decode import Update
from iss_agents.feed.lightstreamer import HANDOVER_SECONDS
from iss_agents.feed.pipeline import Pipeline
from iss_agents.feed.publisher import Publisher
from iss_agents.runtime.health import Health
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.telemetry.topics import partition_for
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers

FLUSH_SECONDS = 60.0


class LoadGenerator:
    """Decodes, checks, encodes and publishes `rate` updates a second, as the feed does behind its client.

    They are of the items of the first `partitions` raw partitions. Not over a socket: the Lightstreamer client
    takes more than all the rest.
    """

    def __init__(self, settings: Settings, rate: float, partitions: int) -> None:
        make_home(settings)
        item_ids = [item for item in NUMBERED_ITEMS if partition_for(item) < partitions]
        self._numbers = Numbers(datetime.now(UTC), rate, item_ids)
        self._pipeline = Pipeline("simulated")
        self._publisher = Publisher(settings, Health())
        self._giving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start; return at once."""
        await self._publisher.start()
        self._giving = asyncio.create_task(self._give())

    async def stop(self) -> None:
        """Stop once Kafka has acknowledged everything."""
        if self._giving:
            self._giving.cancel()
        await self._publisher.flush(FLUSH_SECONDS)
        await self._publisher.stop()

    async def _give(self) -> None:
        while True:
            if updates := list(self._updates(datetime.now(UTC))):
                self._publisher.offer(self._pipeline.process(updates, monotonic()))
            await asyncio.sleep(HANDOVER_SECONDS)

    def _updates(self, now: datetime) -> Iterator[Update]:
        for item_id, number, time in self._numbers.due(now):
            fields = {
                "TimeStamp": str(station_hours(time)),
                "Value": str(number),
                "Status.Class": "24",
                "Status.Indicator": " ",
                "Status.Color": None,
                "CalibratedData": str(number),
            }
            yield Update(item_id, fields, snapshot=False, session=1, arrival=time)
