"""A steady rate of updates into the feed's stage behind the Lightstreamer client."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from iss_agents.feed.intake import Intake
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.update import Update
from iss_agents.health import Health
from iss_agents.settings import Settings, make_home
from iss_agents.soak.numbers import NUMBERED_ITEMS, Numbers
from iss_agents.station_clock import station_hours
from iss_agents.topics import partition_for

PACE_SECONDS = 0.02
FLUSH_SECONDS = 60.0


class Driving:
    """Decodes, doubts, encodes and publishes `rate` updates a second, as the feed does behind its client.

    They are of the items of the first `partitions` raw partitions. Not over a socket: a Lightstreamer client
    takes 450 to 700 us an update, several times what all the rest takes.
    """

    def __init__(self, settings: Settings, rate: float, partitions: int) -> None:
        make_home(settings)
        item_ids = [item for item in NUMBERED_ITEMS if partition_for(item) < partitions]
        self._numbers = Numbers(datetime.now(UTC), rate, item_ids)
        self._intake = Intake("simulated")
        self._publisher = Publisher(settings, Health())
        self._giving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; return at once."""
        await self._publisher.start()
        self._giving = asyncio.create_task(self._give())

    async def stop(self) -> None:
        """End it when Kafka has acknowledged everything."""
        if self._giving:
            self._giving.cancel()
        await self._publisher.flush(FLUSH_SECONDS)
        await self._publisher.stop()

    async def _give(self) -> None:
        while True:
            if updates := list(self._updates(datetime.now(UTC))):
                self._publisher.offer(self._intake.take(updates))
            await asyncio.sleep(PACE_SECONDS)

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
            yield Update(item_id, fields, snapshot=False, session=1, arrival=now)
