"""Publish the feed's records to Kafka in order; while Kafka is away they wait on disk and nothing is lost."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, time

from mode import Service

from iss_agents import metrics
from iss_agents.feed.delivery import Delivery
from iss_agents.feed.outbox import BATCH_RECORDS, Outbox
from iss_agents.feed.outgoing import Outgoing
from iss_agents.health import Health
from iss_agents.kafka_logs import quiet_kafka_logs
from iss_agents.settings import Settings

logger = logging.getLogger(__name__)

LINGER_SECONDS = 0.01
"""How long a batch waits for company: a request costs Kafka and us far more than a record in it."""

PATIENCE_SECONDS = 0.5
"""After this long without an acknowledgement records go to disk: about what a kill -9 can cost."""

AWAY_SECONDS = 3.0
"""After this long without an acknowledgement Kafka is said to be away."""

GUARD_SECONDS = 0.05
FLUSH_SECONDS = 3.0
"""How long a stop waits for Kafka before the rest goes to the spool."""


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""


class Publisher(Service):
    """Take records without blocking, and send them to Kafka one batch at a time, so that order cannot change.

    Records stay in memory, or on disk once Kafka does not acknowledge them in time, until it has: after an
    unknown outcome they are sent twice. Only a full spool refuses records, the newest ones; `on_refused` is
    called when that begins and `on_room` when it is over. `spooled_until` is the ingest time of the newest
    record that an earlier worker left on disk.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self.on_refused: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self.spooled_until: datetime | None = None
        self._settings = settings
        self._health = health
        self._delivery = Delivery(settings)
        self._outbox = Outbox()
        self._offered = asyncio.Event()
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()
        self._waiting_since: float | None = None
        self._refusing = False

    @property
    def pending(self) -> int:
        """Records in memory that Kafka has not acknowledged."""
        return self._outbox.pending

    @property
    def spooled(self) -> int:
        """Records on disk that Kafka has not acknowledged."""
        return self._outbox.spooled

    @property
    def above_high_water(self) -> bool:
        """Whether whoever can hold records back should do so."""
        return self._outbox.above_high_water

    def offer(self, records: Sequence[Outgoing]) -> None:
        """Take records over, in order. Refuses the newest when the spool and the memory are full."""
        if not records:
            return
        if refused := self._outbox.put(records):
            self._refuse(refused)
        self._all_acknowledged.clear()
        self._offered.set()

    async def flush(self, timeout: float) -> bool:  # noqa: ASYNC109 - part of what it means
        """Wait up to `timeout` seconds; return whether Kafka has acknowledged everything offered."""
        try:
            async with asyncio.timeout(timeout):
                await self._all_acknowledged.wait()
        except TimeoutError:
            return False
        return True

    async def on_start(self) -> None:
        quiet_kafka_logs()
        settings = self._settings
        writer = settings.feed_shard if "feed" in settings.roles else None
        self.spooled_until = self._outbox.open(settings.home, settings.spool_bytes, writer)
        metrics.SPOOL_LIMIT.set(settings.spool_bytes)
        if self.spooled:
            logger.info("Publishing %s records that an earlier worker left in the spool", self.spooled)
            self._all_acknowledged.clear()
            self._offered.set()

    async def on_stop(self) -> None:
        await self.flush(FLUSH_SECONDS)

    async def on_shutdown(self) -> None:
        await self._delivery.close()
        await self._outbox.move_to_disk()
        if self.pending:
            logger.error("%s records were lost: the spool is full", self.pending)
        if self.spooled:
            logger.info("%s records wait in the spool for the next start", self.spooled)
        self._outbox.close()

    @Service.task
    async def _publish(self) -> None:
        # Not `should_stop`: a stop flushes through this task and cancels it afterwards.
        while True:
            await self._offered.wait()
            if self.pending < BATCH_RECORDS and not self.spooled:
                await asyncio.sleep(LINGER_SECONDS)
            await self._deliver(self._outbox.next_batch())
            if not self.pending and not self.spooled:
                self._offered.clear()
                self._all_acknowledged.set()

    @Service.task
    async def _guard(self) -> None:
        while True:
            await asyncio.sleep(GUARD_SECONDS)
            if self.spooled or self.above_high_water or self._waited() > PATIENCE_SECONDS:
                await self._outbox.move_to_disk()
            self._look_for_room()
            if self._waited() > AWAY_SECONDS:
                self._health.bad("kafka", self._why_away())
            self._measure()
            await self._outbox.checkpoint()

    async def _deliver(self, batch: list[Outgoing]) -> None:
        self._waiting_since = monotonic()
        await self._delivery.deliver(batch)
        self._waiting_since = None
        self._outbox.remove(batch)
        self._health.good("kafka", f"Kafka acknowledges at {','.join(self._settings.brokers)}")
        _measure_published(batch)

    def _refuse(self, count: int) -> None:
        metrics.REFUSED.inc(count)
        if not self._refusing:
            self._refusing = True
            logger.error("Readings are refused: the spool and the memory are full. Start Kafka.")
            self.on_refused()

    def _look_for_room(self) -> None:
        if self._outbox.look_for_room() and self._refusing:
            self._refusing = False
            logger.info("Readings are taken again: the spool has room")
            self.on_room()

    def _waited(self) -> float:
        return 0.0 if self._waiting_since is None else monotonic() - self._waiting_since

    def _why_away(self) -> str:
        if self._delivery.to_correct:
            return f"{self._delivery.to_correct} Readings wait in the spool."
        problem = self._delivery.problem or "no answer"
        return (
            f"Kafka at {','.join(self._settings.brokers)} does not acknowledge ({problem}): "
            "readings wait in the spool; start it or set ISS_KAFKA_URL."
        )

    def _measure(self) -> None:
        metrics.PENDING.set(self.pending)
        metrics.SPOOL_RECORDS.set(self.spooled)
        metrics.SPOOL_BYTES.set(self._outbox.spool_bytes)


def _measure_published(batch: Sequence[Outgoing]) -> None:
    for topic, count in Counter(record.topic for record in batch).items():
        metrics.PUBLISHED.labels(topic).inc(count)
    oldest = min((record.ingest_ts for record in batch if record.ingest_ts), default=None)
    # One observation a batch, of the record that waited longest: the cost of one a record would be felt.
    if oldest is not None:
        metrics.INGEST_TO_PUBLISH.observe(max(0.0, time() - oldest))
