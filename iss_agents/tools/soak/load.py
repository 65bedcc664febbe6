"""Load generator of a soak: numbers and a tank, published by the feed's own publisher, which is never killed.

It does not use a socket: a Lightstreamer client needs 40 us per update, the publisher 14 us, and it is
the pipeline that is under test.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from iss_agents.config.settings import Settings, make_home
from iss_agents.feed.decode import Update, reading_from_update
from iss_agents.feed.lightstreamer import HANDOVER_SECONDS
from iss_agents.feed.producer_record import ProducerRecord, outgoing_reading
from iss_agents.feed.publisher import Publisher
from iss_agents.runtime.health import Health
from iss_agents.simulator.tank import Tank
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.topics import RAW, partition_for
from iss_agents.tools.soak.completeness import Complete
from iss_agents.tools.soak.invariants import Given
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers, reading_of

FLUSH_SECONDS = 60.0


class LoadGenerator:
    """Publishes `rate` numbers a second, of the items of `shard`, and the readings of a modelled tank.

    While Kafka is unreachable they are spooled. `broken` are payloads that no consumer can decode.
    """

    def __init__(self, settings: Settings, rate: float, seed: int, shard: Shard = WHOLE) -> None:
        make_home(settings)
        self.numbers = Numbers(datetime.now(UTC), rate, [item for item in NUMBERED_ITEMS if shard.holds(item)])
        self.publisher = Publisher(settings, Health())
        self.broken: list[bytes] = []
        self._tank = Tank(seed)
        self._giving: asyncio.Task[None] | None = None

    @property
    def given(self) -> Given:
        """What has been sent so far: this publisher is never killed, so nothing may be missing."""
        return Given(self.numbers.start, [Complete(self.numbers)], self.broken)

    async def start(self) -> None:
        """Start sending; return at once."""
        await self.publisher.start()
        self._giving = asyncio.create_task(self._give())

    async def stop(self) -> bool:
        """Stop sending; return whether Kafka has acknowledged everything."""
        self._stop_giving()
        flushed = await self.publisher.flush(FLUSH_SECONDS)
        await self.publisher.stop()
        return flushed

    async def abandon(self) -> None:
        """Stop at once, even if Kafka has not acknowledged everything."""
        self._stop_giving()
        await self.publisher.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Send nothing during the block. What is measured meanwhile is sent late."""
        self._stop_giving()
        try:
            yield
        finally:
            self._giving = asyncio.create_task(self._give())

    def _stop_giving(self) -> None:
        if self._giving:
            self._giving.cancel()

    def send_broken(self) -> None:
        """Publish a record that cannot be decoded."""
        payload = b'{"broken": %d' % len(self.broken)
        self.broken.append(payload)
        self.publisher.offer([ProducerRecord(RAW.name, partition_for(TANK_ITEM), b"broken", payload)])

    async def _give(self) -> None:
        while True:
            now = datetime.now(UTC)
            self.publisher.offer([outgoing_reading(reading) for reading in self._readings(now)])
            await asyncio.sleep(HANDOVER_SECONDS)

    def _readings(self, now: datetime) -> Iterator[Reading]:
        for numbered in self.numbers.due(now):
            yield reading_of(numbered, now)
        for item_id, fields, _ in self._tank.due(now):
            update = Update(item_id, dict(fields), snapshot=False, session=1, arrival=now)
            if reading := reading_from_update(update, "simulated"):
                yield reading
