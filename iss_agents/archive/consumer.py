"""Kafka consumer of the archive: where it starts to read, its batches, and its commits."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import METADATA_MS, client_config
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import Commit, Start, fingerprint_of, open_offsets, restart_of
from iss_agents.kafka.seen_records import SeenRecords
from iss_agents.runtime import metrics
from iss_agents.telemetry.codec import Message
from iss_agents.telemetry.topics import ARCHIVE_GROUP

logger = logging.getLogger(__name__)

SMALLEST = 500
"""Takes the embedded database 0.2 to 0.5 s on a busy machine (measured)."""

LARGEST = 2_000
"""Each batch also costs a commit to Kafka and a write of its dirty hours. With a database that only
acknowledges, a record costs the worker 8 to 10 us, and 12 us in batches of 500 (measured)."""

UNMARKED = LARGEST
"""How many records of a partition may have been stored without the marks of their hours, by a worker that was
killed: at most one batch, from where the group's commit stands."""

AIM_SECONDS = 0.25
"""Target duration of a batch: even during a backlog a reading is stored within a second of its ingest."""

COLLECT_MS, ENOUGH_BYTES = 400, 65_536
"""Kafka answers a fetch after this time, or as soon as this many bytes are there. At a low rate the cost is in
the batches: each takes a fetch, a write and a commit."""

LONGEST_WAIT_MS = 1_000
"""How long to wait for the first record of a batch."""

COMMIT_SECONDS = 10.0
"""aiokafka retries a commit for ever while Kafka is unreachable."""

REBALANCE_MS = 30_000
"""Longer than the slowest write (mongo.SOCKET_MS and a server selection), because a rebalance waits for it."""

NEVER_IDLE_MS = 7 * 24 * 3600 * 1000
"""The archive may wait for the database indefinitely and stays in the group: heartbeats continue in the
background, and aiokafka removes a consumer only if it has not polled for this long."""


class BatchSize:
    """Adaptive batch size, derived from the duration of earlier batches."""

    def __init__(self) -> None:
        self.records = SMALLEST

    def adapt(self, records: int, seconds: float) -> None:
        """Adapt to how long a batch took, retries included; a batch that was not full is ignored."""
        if records < self.records:
            return
        fitting = int(records * AIM_SECONDS / max(seconds, 1e-3))
        self.records = min(max(fitting, SMALLEST), 2 * self.records, LARGEST)


Fetched = dict[TopicPartition, list[ConsumerRecord]]


class Batch(NamedTuple):
    """Records of one fetch. `messages`: topic -> its records, in the order of each partition."""

    assignment: int
    messages: dict[str, list[Message]]
    commits: dict[TopicPartition, Commit]
    full: bool


class ArchiveConsumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Reads all topics of DESTINATIONS. Hold `write_lock` from a write to its commit."""

    def __init__(self, settings: Settings, resets: OffsetResets) -> None:
        self._settings = settings
        self._resets = resets
        self._consumer: AIOKafkaConsumer | None = None
        self._assignment = 0
        self._new: set[TopicPartition] = set()
        self._replaced: set[TopicPartition] = set()
        self._served: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        self._stored_up_to: dict[tuple[str, int], int] = {}
        self._marked_from: dict[tuple[str, int], int] = {}
        self.seen = SeenRecords()
        self.size = BatchSize()
        self.write_lock = asyncio.Lock()

    @property
    def joined(self) -> bool:
        """Whether Kafka has answered; partitions may not be assigned yet."""
        return self._consumer is not None

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The connected consumer."""
        assert self._consumer  # noqa: S101 - started before anything is read
        return self._consumer

    async def start(self) -> None:
        """Join the group; raises KafkaError if Kafka does not answer or lacks the topics."""
        consumer = AIOKafkaConsumer(
            **client_config(self._settings),
            client_id=ARCHIVE_GROUP,
            group_id=ARCHIVE_GROUP,
            # `Offsets` says where to start, and a log that was replaced must be noticed.
            auto_offset_reset="none",
            enable_auto_commit=False,
            fetch_max_wait_ms=COLLECT_MS,
            fetch_min_bytes=ENOUGH_BYTES,
            metadata_max_age_ms=METADATA_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_poll_interval_ms=NEVER_IDLE_MS,
        )
        consumer.subscribe(list(DESTINATIONS), listener=self)
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer

    async def stop(self) -> None:
        """Leave the group."""
        if self._consumer:
            await self._consumer.stop()
            self._consumer = None

    def read_again(self, partitions: Collection[TopicPartition]) -> None:
        """Read these partitions from their beginning, once the current batch is stored."""
        self._replaced.update(partitions)

    async def next_batch(self) -> Batch:
        """Return the next batch, empty after LONGEST_WAIT_MS; raises KafkaError."""
        if self._new or self._replaced:
            await self._seek()
        most = self.size.records
        fetched = await self._fetch(most)
        # Records of partitions that were reassigned meanwhile do not start at the group's position.
        records = {tp: batch for tp, batch in fetched.items() if tp not in self._new | self._replaced}
        messages: dict[str, list[Message]] = defaultdict(list)
        for partition, batch in records.items():
            messages[partition.topic].extend(batch)
            self._next[partition] = batch[-1].offset + 1
            self.seen.add(partition, batch[-1])
        commits = {tp: Commit(batch[-1].offset + 1, fingerprint_of(batch[-1])) for tp, batch in records.items()}
        return Batch(self._assignment, messages, commits, sum(map(len, messages.values())) >= most)

    async def _fetch(self, most: int) -> Fetched:
        try:
            fetched = await self._fetch_others(most) or await self._getmany(most, LONGEST_WAIT_MS)
        except OffsetOutOfRangeError as error:
            self._replaced.update(error.args[0])
        except NoOffsetForPartitionError:
            pass  # just assigned: the next round seeks first
        else:
            self._served |= fetched.keys()
            return fetched
        return {}

    async def _fetch_others(self, most: int) -> Fetched:
        """Return records of partitions that have not had a turn, if any have been fetched.

        In a backlog, aiokafka returns everything it has fetched of one partition before it turns to the next,
        so some partitions would make no progress for minutes.
        """
        others = self.consumer.assignment() - self._served
        if self._served and others and (fetched := await self._getmany(most, 0, *others)):
            return fetched
        self._served.clear()
        return {}

    async def _getmany(self, most: int, wait_ms: int, *partitions: TopicPartition) -> Fetched:
        return cast("Fetched", await self.consumer.getmany(*partitions, timeout_ms=wait_ms, max_records=most))

    async def _seek(self) -> None:
        """Seek to the group's position, or to the beginning of a log that was replaced."""
        assignment, owned = self._assignment, self.consumer.assignment()
        starts = await self._starts(self._new & owned, (self._replaced - self._new) & owned)
        if assignment != self._assignment:
            return
        for tp, start in starts.items():
            self.consumer.seek(tp, start.offset)
            self._next[tp] = start.offset
            self._marked_from[tp.topic, tp.partition] = start.offset + UNMARKED
            if start.log_replaced:
                self._stored_up_to.pop((tp.topic, tp.partition), None)
        # The old commit is not valid for this log, even if no record arrives.
        resets = {tp: Commit(start.offset) for tp, start in starts.items() if start.reason}
        if not await self.commit(Batch(assignment, {}, resets, full=False)) or assignment != self._assignment:
            return
        self.seen.begin(starts)
        self._new -= starts.keys()
        self._replaced -= starts.keys()
        self._resets.report(starts)

    async def _starts(
        self, new: set[TopicPartition], replaced: set[TopicPartition]
    ) -> dict[TopicPartition, Start]:
        try:
            async with open_offsets(self._settings) as offsets:
                logs = await offsets.logs(replaced)
                starts = await offsets.starts(ARCHIVE_GROUP, new, self.seen.records)
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaConnectionError(f"no answer to where reading starts: {error!r}") from error
        return starts | {tp: restart_of(self._next[tp], log) for tp, log in logs.items()}

    def owns(self, batch: Batch) -> bool:
        """Return whether the partitions of `batch` are still assigned here; if not, their owner rereads it."""
        return batch.assignment == self._assignment

    def may_be_unmarked(self, message: Message) -> bool:
        """Return whether the hour of a message that had been stored before may lack its mark."""
        return message.offset < self._marked_from.get((message.topic, message.partition), message.offset + 1)

    def count_rereads(self, messages: Iterable[Message]) -> None:
        """Count the stored messages that this worker had stored before."""
        for message in messages:
            partition = message.topic, message.partition
            if message.offset < self._stored_up_to.get(partition, 0):
                metrics.REREAD.labels(message.topic).inc()
            else:
                self._stored_up_to[partition] = message.offset + 1

    async def commit(self, batch: Batch) -> bool:
        """Commit exactly the offsets of `batch`, which has been written; return whether Kafka has them.

        If a rebalance prevents the commit, some records are read again, nothing else.

        Raises:
            KafkaError: Kafka did not answer. Commit again before the next batch: only one batch may be stored
                beyond the group's commit (UNMARKED).
        """
        if not batch.commits:
            return True
        try:
            await asyncio.wait_for(self.consumer.commit(batch.commits), COMMIT_SECONDS)
        except TimeoutError as error:
            raise KafkaTimeoutError("no answer to a commit") from error
        except (CommitFailedError, IllegalStateError) as error:
            logger.info("the archive could not commit (%r); some records may be read again", error)
            return False
        return True

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Let the write in flight finish with its commit; drop what has not been written."""
        async with self.write_lock:
            self._assignment += 1
            self._new.clear()
            self._replaced.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note the partitions: the next round seeks to the group's position first."""
        self._new = set(assigned)
