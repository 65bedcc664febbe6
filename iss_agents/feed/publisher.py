"""Publisher of the feed: sends records to Kafka in order, and spools them while it is unreachable."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic, time
from typing import NamedTuple

from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.feed.outbox import Outbox, SpoolLocation
from iss_agents.feed.producer import RecordProducer
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.spool_file import SpoolUnavailable
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.runtime import metrics
from iss_agents.runtime.health import Health

logger = logging.getLogger(__name__)

SPOOL_AFTER_SECONDS = 0.4
"""After this long without an acknowledgement records go to disk: about what a kill -9 can cost, besides what
has not been offered yet: updates that the client collects, and readings held behind a new zero
(`quality.HOLD`)."""

UNREACHABLE_AFTER_SECONDS = 3.0
"""After this long without an acknowledgement the health reports Kafka as down."""

MONITOR_SECONDS = 0.1
FLUSH_SECONDS = 3.0
"""How long a stop waits for Kafka before the remaining records go to the spool."""

SPOOL_PAUSE_SECONDS = 1.0
RECOVER_SECONDS = 60.0
"""How often to look for spools of a worker that died while this one runs."""


class Overflow(NamedTuple):
    """A span in which records were rejected, and why the disk accepted none."""

    start: datetime
    end: datetime
    reason: str


class Publisher(Service):
    """Accepts records without blocking, and sends them one batch at a time, so that their order cannot change.

    Records stay in memory, or on disk if Kafka takes long, until Kafka has acknowledged them: after an unknown
    outcome they are sent twice. The newest are rejected only when the disk accepts none; `on_overflow` is
    called at the end of such a span. `spooled_until` is the ingest time of the newest record that an earlier
    worker left on disk.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self.on_overflow: Callable[[Overflow], None] = lambda _overflow: None
        self.spooled_until: datetime | None = None
        self._settings = settings
        self._health = health
        self._producer = RecordProducer(settings)
        writer = settings.feed_shard if "feed" in settings.roles else None
        self._outbox = Outbox(SpoolLocation(settings.home, settings.spool_bytes, writer))
        self._offered = asyncio.Event()
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()
        self._waiting_since: float | None = None
        self._rejecting_since: datetime | None = None
        self._rejecting_because = ""
        self._unreadable = ""

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
        """Backpressure: whether callers should hold records back, as the memory is nearly full or it stops."""
        return self.should_stop or self._outbox.above_high_water

    def offer(self, records: Sequence[ProducerRecord]) -> None:
        """Accept records in order; the newest are rejected when the spool and the memory are full."""
        if not records:
            return
        if refused := self._outbox.put(records):
            self._reject(refused)
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

    async def recover(self) -> None:
        """Recover the spools of earlier workers of this machine; they are sent before anything offered later.

        Raises:
            UserError: the spool's folder cannot be written.
        """
        try:
            found = await self._outbox.recover()
        except SpoolUnavailable as error:
            logger.warning("The time of the newest spooled reading is unknown: %s", error)
        else:
            self.spooled_until = max(filter(None, [found, self.spooled_until]), default=None)
        if self.spooled:
            self._publish_recovered(self.spooled)

    async def on_start(self) -> None:
        quiet_kafka_logs()
        metrics.SPOOL_LIMIT.set(self._settings.spool_bytes)
        # Asked for when somebody reads the metrics.
        metrics.PENDING.set_function(lambda: self.pending)
        metrics.SPOOL_RECORDS.set_function(lambda: self.spooled)
        metrics.SPOOL_BYTES.set_function(lambda: self._outbox.spool_bytes)
        await self.recover()

    async def on_stop(self) -> None:
        await self.flush(FLUSH_SECONDS)

    async def on_shutdown(self) -> None:
        await self._producer.close()
        await self._outbox.close()
        if self.pending:
            logger.error("%s records were lost: %s", self.pending, self._outbox.disk_problem)
        if self.spooled:
            logger.info("%s records stay in the spool for the next start", self.spooled)

    @Service.task
    async def _publish(self) -> None:
        # Not `should_stop`: a stop flushes through this task, and then cancels it.
        while True:
            await self._offered.wait()
            try:
                await self._deliver(await self._outbox.next_batch())
            except SpoolUnavailable as error:
                self._unreadable = str(error)
                await asyncio.sleep(SPOOL_PAUSE_SECONDS)
            else:
                self._unreadable = ""
            if not self.pending and not self.spooled:
                self._offered.clear()
                self._all_acknowledged.set()

    @Service.task
    async def _monitor(self) -> None:
        while True:
            await asyncio.sleep(MONITOR_SECONDS)
            if (
                self.spooled
                or self._outbox.above_high_water
                or self._unacknowledged_for() > SPOOL_AFTER_SECONDS
            ):
                await self._outbox.move_to_disk()
            self._check_room()
            self._report_spool()
            if self._unacknowledged_for() > UNREACHABLE_AFTER_SECONDS:
                self._health.down("kafka", self._why_unreachable())
            await self._outbox.checkpoint()

    @Service.task
    async def _recover_abandoned(self) -> None:
        while not self.should_stop:
            await self.sleep(RECOVER_SECONDS)
            try:
                left = await self._outbox.recover_abandoned()
            except OSError as error:
                logger.warning("Cannot look for abandoned spools: %s", error)
                continue
            if left:
                self._publish_recovered(left)

    async def _deliver(self, batch: list[ProducerRecord]) -> None:
        self._waiting_since = monotonic()
        await self._producer.deliver(batch)
        self._waiting_since = None
        await self._outbox.remove(batch)
        self._health.up("kafka", f"Kafka acknowledges at {','.join(self._settings.brokers)}")
        _measure_published(batch)

    def _reject(self, count: int) -> None:
        metrics.REFUSED.inc(count)
        if not self._rejecting_since:
            self._rejecting_since, self._rejecting_because = datetime.now(UTC), self._outbox.disk_problem
            logger.error("Readings are rejected, spool and memory are full: %s", self._rejecting_because)

    def _check_room(self) -> None:
        if self._outbox.check_room() and self._rejecting_since:
            overflow = Overflow(self._rejecting_since, datetime.now(UTC), self._rejecting_because)
            self._rejecting_since = None
            logger.info("Readings are accepted again: the spool has room")
            self.on_overflow(overflow)

    def _publish_recovered(self, count: int) -> None:
        logger.info("Publishing %s records that an earlier worker left in the spool", count)
        self._all_acknowledged.clear()
        self._offered.set()

    def _report_spool(self) -> None:
        """Report the spool once it has had a problem."""
        if problem := self._unreadable or self._outbox.disk_problem:
            self._health.down("spool", problem)
        elif repairs := self._outbox.repairs:
            self._health.up("spool", f"{repairs} damaged files were set aside: see `iss-agents doctor`")
        elif "spool" in self._health.parts:
            self._health.up("spool", "the spool can be used")

    def _unacknowledged_for(self) -> float:
        return 0.0 if self._waiting_since is None else monotonic() - self._waiting_since

    def _why_unreachable(self) -> str:
        if self._producer.misconfiguration:
            return f"{self._producer.misconfiguration} Readings wait in {self._where()}."
        problem = self._producer.problem or "no answer"
        return (
            f"Kafka at {','.join(self._settings.brokers)} does not acknowledge ({problem}): "
            f"readings wait in {self._where()}; start it or set ISS_KAFKA_URL."
        )

    def _where(self) -> str:
        return "memory" if self._outbox.disk_problem else "the spool"


def _measure_published(batch: Sequence[ProducerRecord]) -> None:
    for topic, count in Counter(record.topic for record in batch).items():
        metrics.PUBLISHED.labels(topic).inc(count)
    oldest = min((record.ingest_ts for record in batch if record.ingest_ts), default=None)
    # One observation per batch, of the record that waited longest: one per record would cost too much.
    if oldest is not None:
        metrics.INGEST_TO_PUBLISH.observe(max(0.0, time() - oldest))
