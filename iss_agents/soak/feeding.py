"""The feed of a soak: numbers and a tank, given to Kafka by the feed's own publisher, which is never killed.

Not over a socket: a Lightstreamer client takes 450 to 700 us an update, the publisher 14 us, and it is the
pipeline that is tried here.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from iss_agents.catalog import TANK_ITEM
from iss_agents.feed.decode import reading_from_update
from iss_agents.feed.outgoing import Outgoing, outgoing_reading
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.update import Update
from iss_agents.health import Health
from iss_agents.records import Reading
from iss_agents.settings import Settings, make_home
from iss_agents.simulator.tank import Tank
from iss_agents.soak.numbers import Numbers, reading_of
from iss_agents.topics import RAW, partition_for

PACE_SECONDS = 0.02
FLUSH_SECONDS = 60.0


class Feeding:
    """Gives Kafka `rate` numbers a second and what a modelled tank shows. Kafka away: the spool takes them.

    `broken` are the payloads that no consumer can decode.
    """

    def __init__(self, settings: Settings, rate: float, seed: int) -> None:
        make_home(settings)
        self.numbers = Numbers(datetime.now(UTC), rate)
        self.publisher = Publisher(settings, Health())
        self.broken: list[bytes] = []
        self._tank = Tank(seed)
        self._giving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; return at once."""
        await self.publisher.start()
        self._giving = asyncio.create_task(self._give())

    async def stop(self) -> bool:
        """End it; return whether Kafka has acknowledged everything."""
        self._stop_giving()
        flushed = await self.publisher.flush(FLUSH_SECONDS)
        await self.publisher.stop()
        return flushed

    async def abandon(self) -> None:
        """End it at once, whatever Kafka has not acknowledged."""
        self._stop_giving()
        await self.publisher.stop()

    def _stop_giving(self) -> None:
        if self._giving:
            self._giving.cancel()

    def send_broken(self) -> None:
        """Give Kafka a record that is no reading."""
        payload = b'{"broken": %d' % len(self.broken)
        self.broken.append(payload)
        self.publisher.offer([Outgoing(RAW.name, partition_for(TANK_ITEM), b"broken", payload)])

    async def _give(self) -> None:
        while True:
            now = datetime.now(UTC)
            self.publisher.offer([outgoing_reading(reading) for reading in self._readings(now)])
            await asyncio.sleep(PACE_SECONDS)

    def _readings(self, now: datetime) -> Iterator[Reading]:
        for numbered in self.numbers.due(now):
            yield reading_of(numbered, now)
        for item_id, fields, _ in self._tank.due(now):
            update = Update(item_id, dict(fields), snapshot=False, session=1, arrival=now)
            if reading := reading_from_update(update, "simulated"):
                yield reading
