"""The archive's side of Kafka: what is read, what is committed, and how far behind it is."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from iss_agents import metrics
from iss_agents.archive.batch_size import BatchSize
from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.kafka_access import kafka_access
from iss_agents.lag import LagReport, Standing
from iss_agents.messages import Message
from iss_agents.settings import Settings

logger = logging.getLogger(__name__)

GROUP = "iss-archive"

LONGEST_WAIT_MS = 1_000
"""How long to wait for the first record of a batch."""

COMMIT_SECONDS = 10.0
"""aiokafka tries a commit again for ever while Kafka is away; the next batch commits the same and more."""

REBALANCE_MS = 30_000
"""Longer than the slowest write (database.SOCKET_MS and a selection), which a rebalance waits for."""

NEVER_IDLE_MS = 7 * 24 * 3600 * 1000
"""The archive waits for the database for as long as it takes and stays in the group: its heartbeats go on in
the background, and only a consumer that does not ask for records for this long is put out (aiokafka)."""


class Batch(NamedTuple):
    """Records as they were read. `messages`: topic -> in the order of each partition."""

    assignment: int
    messages: dict[str, list[Message]]
    offsets: dict[TopicPartition, int]
    full: bool


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads every topic of DESTINATIONS in the group GROUP. Hold `writing` from a write to its commit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._assignment = 0
        self._committable: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._lag = LagReport(GROUP)
        self._met: dict[tuple[str, int], int] = {}
        self.size = BatchSize()
        self.writing = asyncio.Lock()

    @property
    def joined(self) -> bool:
        """Whether Kafka has answered; partitions may still be on their way."""
        return self._consumer is not None

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The connected consumer."""
        assert self._consumer  # noqa: S101 - started before anything is read
        return self._consumer

    async def start(self) -> None:
        """Join the group; raises KafkaError if Kafka does not answer or has no such topics."""
        consumer = AIOKafkaConsumer(
            **kafka_access(self._settings),
            client_id=GROUP,
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
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
        self._lag.report({})

    async def take(self) -> Batch:
        """Return what has arrived, empty after LONGEST_WAIT_MS; raises KafkaError."""
        most = self.size.records
        records = await self.consumer.getmany(timeout_ms=LONGEST_WAIT_MS, max_records=most)
        messages: dict[str, list[Message]] = defaultdict(list)
        for partition, batch in records.items():
            messages[partition.topic].extend(batch)
            self._committable.setdefault(partition, batch[0].offset)
        offsets = {partition: batch[-1].offset + 1 for partition, batch in records.items()}
        return Batch(self._assignment, messages, offsets, sum(map(len, messages.values())) >= most)

    def holds(self, batch: Batch) -> bool:
        """Whether the partitions of `batch` are still ours; if not, their owner reads it again."""
        return batch.assignment == self._assignment

    def met(self, messages: Iterable[Message]) -> None:
        """Count those of the stored messages that were stored before, by this worker."""
        for message in messages:
            partition = message.topic, message.partition
            if message.offset < self._met.get(partition, 0):
                metrics.REREAD.labels(message.topic).inc()
            else:
                self._met[partition] = message.offset + 1

    async def commit(self, batch: Batch) -> None:
        """Commit what was written: exactly the offsets of `batch`.

        A commit that a rebalance or an absent Kafka prevents costs a repetition, nothing else.
        """
        if not batch.offsets:
            return
        self._committable.update(batch.offsets)
        try:
            await asyncio.wait_for(self.consumer.commit(batch.offsets), COMMIT_SECONDS)
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            logger.info("the archive could not commit (%r); it may read some records again", error)
        else:
            self._committed.update(batch.offsets)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let the write in flight end with its commit; give up what is not yet written."""
        async with self.writing:
            self._assignment += 1
            self._committable.clear()
            self._committed.clear()
        # Another worker reports them now.
        self._lag.forget(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Do nothing: reading begins at the committed offsets."""

    async def report_lag(self) -> None:
        """Set the lag of every partition we own, idle ones too; raises KafkaError.

        Kafka is asked for the ends: the fetcher knows none of them while it waits for the database.
        """
        partitions = self.consumer.assignment()
        ends = await self.consumer.end_offsets(partitions) if partitions else {}
        standings = {}
        for partition, end in ends.items():
            written = self._committable.get(partition)
            lag = end - (written if written is not None else await self.consumer.position(partition))
            standings[partition] = Standing(max(lag, 0), self._committed.get(partition, 0))
        self._lag.report(standings)
