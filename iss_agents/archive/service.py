"""Archive service: stores the topics in MongoDB, separately from the agents.

It has its own consumer group because an agent that waits for a database would stop every other agent of its App
once a buffer is full. An offset is committed only after the database has acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.archive.consumer import COLLECT_MS, ArchiveConsumer, Batch
from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.gap_ends import end_open_gaps
from iss_agents.archive.index_builder import IndexBuilder
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, connect_writer, disconnect, ping
from iss_agents.archive.retention import prepare_new
from iss_agents.archive.rollups.hours import DirtyHours
from iss_agents.archive.sink import QUERY_MS, DeadLetters, Stored, store
from iss_agents.archive.text_ids import note_text_ids
from iss_agents.config.settings import Settings
from iss_agents.kafka.diagnosis import describe
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import PartitionPositions
from iss_agents.kafka.seen_records import SeenRecords
from iss_agents.runtime import metrics
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.circuit_breaker import BreakerPolicy, CircuitBreaker, CircuitOpenError
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import ARCHIVE_GROUP, RAW
from iss_agents.watchdogs.stalls import THRESHOLDS, Stalls

logger = logging.getLogger(__name__)

PACE_SECONDS = COLLECT_MS / 1000
"""Shortest interval between batches that are not full: as long as Kafka collects the next one."""

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0
POLICY = BreakerPolicy(failures=1, first_timeout=FIRST_RETRY_SECONDS, longest_timeout=LAST_RETRY_SECONDS)
"""One failure opens the circuit: the driver has already looked for a server for seconds."""

STOP_SECONDS = 4.0
"""How long a stop waits for the write in flight; the next start repeats an interrupted write."""


class Archive(Service):
    """Stores readings, gaps, events, posts and dead letters; reports as `archive` and `database`."""

    group = ARCHIVE_GROUP
    topics = tuple(row.topic for row in DESTINATIONS.values())

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self._settings = settings
        self._health = health
        self._failures = 0
        self._retries = False
        self._text_ids: datetime | None = None
        self._ended = asyncio.Event()
        self._circuit = CircuitBreaker("database", health, "answers", POLICY)
        self._indexes = IndexBuilder(settings)
        self.add_dependency(self._indexes)
        self.resets = OffsetResets(health, "archive offsets")

    async def on_start(self) -> None:
        """Create the clients; nothing has to answer yet."""
        self._database: Database = connect_writer(self._settings)
        self._consumer = ArchiveConsumer(self._settings, self.resets)
        self._dead_letters = DeadLetters(self._settings)
        self._dirty_hours = DirtyHours()

    @property
    def seen(self) -> SeenRecords:
        """Records that were read of each partition."""
        return self._consumer.seen

    def owned(self) -> Collection[TopicPartition]:
        """Return the partitions assigned to this archive."""
        return self._consumer.consumer.assignment() if self._consumer.joined else ()

    def read_again(self, partitions: Collection[TopicPartition]) -> None:
        """Read these partitions from their beginning."""
        self._consumer.read_again(partitions)

    def stalls(self, positions: PartitionPositions) -> Stalls:
        """Return where the archive stalls, for the watchdog."""
        failures = f"{self._failures} attempts failed"
        if not self._consumer.joined:
            return {f"the archive does not start ({failures})": THRESHOLDS}
        return {
            f"the archive's {tp.topic} {tp.partition} stays at {position.next_offset} ({failures})": THRESHOLDS
            for tp, position in positions.items()
            if position.lag
        }

    async def on_stop(self) -> None:
        """Let the write in flight finish with its commit."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), STOP_SECONDS)

    @Service.task
    async def _archive(self) -> None:
        try:
            await self._until_done(self._prepare)
            await self._until_done(self._dead_letters.start)
            await self._until_done(self._consumer.start)
            while not self.should_stop:
                await self._until_done(self._round)
        finally:
            await self._consumer.stop()
            await self._dead_letters.stop()
            await disconnect(self._database)
            self._ended.set()

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        for delay in delays(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS):
            if self.should_stop or await self._tried(step):
                return
            await self.sleep(self._circuit.remaining or delay)

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except (DatabaseUnavailableError, CircuitOpenError):
            self._failures += 1
            self._retries = True
            self._dirty_hours.forget_marked()
            self._health.down("archive", "waits for the database; nothing is lost, Kafka keeps it")
            return False
        except KafkaError as error:
            self._failures += 1
            self._retries = True
            self._health.down("archive", f"waits for Kafka ({describe(error)})")
            return False
        return True

    async def _prepare(self) -> None:
        with self._circuit.call(DatabaseUnavailableError):
            await prepare_new(self._database, self._settings)
            # Those of an earlier version, or of a restored backup.
            await end_open_gaps(self._database, QUERY_MS)
            self._text_ids = await note_text_ids(self._database, datetime.now(UTC))

    async def _round(self) -> None:
        batch = await self._consumer.next_batch()
        if size := sum(map(len, batch.messages.values())):
            metrics.ARCHIVE_BATCH_RECORDS.observe(size)
        began, self._retries = monotonic(), False
        await self._until_done(lambda: self._settle(batch))
        self._consumer.size.adapt(size, monotonic() - began)
        if not batch.full:
            await self.sleep(max(began + PACE_SECONDS - monotonic(), 0.0))

    async def _settle(self, batch: Batch) -> None:
        async with self._consumer.write_lock:
            if not self._consumer.owns(batch):
                return
            with self._circuit.call(DatabaseUnavailableError):
                await self._store(batch)
            await self._consumer.commit(batch)
        self._health.up("archive", "; ".join(filter(None, ["stores what arrives", self._indexes.pending])))

    async def _store(self, batch: Batch) -> None:
        if not batch.messages:
            await ping(self._database)
        # A stored topic is removed from the batch, so that a retry neither writes nor counts it again.
        for topic in list(batch.messages):
            messages = batch.messages[topic]
            stored = await store(self._database, self._dead_letters, topic, messages, self._text_ids)
            if topic == RAW.name:
                self._note_dirty(stored)
            self._consumer.count_rereads(batch.messages.pop(topic))
        await self._dirty_hours.write(self._database, datetime.now(UTC))

    def _note_dirty(self, stored: Stored) -> None:
        """Note the hours that change: reading the bus again must make no rollup dirty.

        A reading that had been stored before counts only if whoever stored it may not have marked its hour.
        """
        unmarked = (
            document
            for message, document in stored.repeats
            if self._retries or self._consumer.may_be_unmarked(message)
        )
        self._dirty_hours.note([*stored.new, *unmarked], datetime.now(UTC))
