"""Offsets of a consumer group: committed offsets, consumer lag, and where reading resumes.

A committed offset is a number, and the log that it belongs to may be gone: the topic was deleted and recreated,
a broker lost its last records, or somebody set the offset by hand. So every commit carries a fingerprint of the
record before it. Reading resumes at the committed offset only if the log still has that record there; otherwise
the log is read from its beginning, since it is unknown which of its records were read.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import NamedTuple
from zlib import crc32

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest

from iss_agents.config.kafka import KafkaSettings
from iss_agents.kafka.clients import client_config
from iss_agents.telemetry.topics import Topic

ANSWER_SECONDS = 5.0
"""How long Kafka may take to answer before it counts as unreachable."""

COORDINATOR_SECONDS, COORDINATOR_PAUSE = 3.0, 0.1
"""How long a broker that has just started, or has just become the coordinator, may take to load a group."""

REQUEST_MS = 5_000
FETCH_MS = 500

FETCH_BYTES = 65_536
"""Per partition, enough to see one record; Kafka sends a longer batch whole."""


class Commit(NamedTuple):
    """A committed offset and the fingerprint of the record before it; an offset set by a tool has none."""

    offset: int
    fingerprint: str = ""


class Log(NamedTuple):
    """A partition holds the records from `beginning` up to `end`."""

    beginning: int
    end: int


class PartitionPosition(NamedTuple):
    """Position of a group in a partition: its committed offset, if any, and the bounds of the log."""

    beginning: int
    end: int
    committed: int | None

    @property
    def ahead(self) -> bool:
        """Whether the committed offset lies beyond the end of the log."""
        return self.committed is not None and self.committed > self.end

    @property
    def next_offset(self) -> int:
        """The offset at which reading resumes."""
        if self.committed is None or self.ahead:
            return self.beginning
        return max(self.committed, self.beginning)

    @property
    def lag(self) -> int:
        """Consumer lag: the number of records not read yet."""
        return self.end - self.next_offset


PartitionPositions = Mapping[TopicPartition, PartitionPosition]
Records = Mapping[TopicPartition, ConsumerRecord]
Logs = Mapping[TopicPartition, Log] | PartitionPositions


class Start(NamedTuple):
    """The offset at which reading begins, and the reason if it is not the committed offset.

    `log_replaced`: the commit does not belong to this log; it is not only that records were removed. `before`
    is the record before the offset, if the group has read it and it still exists.
    """

    offset: int
    reason: str = ""
    log_replaced: bool = False
    before: ConsumerRecord | None = None


class Offsets:
    """Queries Kafka over its own connections; needs an answer of every partition leader and the coordinator.

    Each method raises KafkaError or OSError if Kafka does not answer; the caller sets the timeout.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def committed(self, group: str) -> dict[TopicPartition, Commit]:
        """Return the committed offsets of a group, none if Kafka does not know the group."""
        _, admin = await self._connected()
        return await committed_by(admin, group)

    async def positions(
        self, group: str, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, PartitionPosition]:
        """Return the positions of a group in these partitions."""
        # In this order: a log reaches at least as far as the offsets committed before.
        commits = await self.committed(group)
        logs = await self.logs(partitions)
        return {
            tp: PartitionPosition(*log, commits[tp].offset if tp in commits else None)
            for tp, log in logs.items()
        }

    async def starts(
        self, group: str, partitions: Collection[TopicPartition], read: Records
    ) -> dict[TopicPartition, Start]:
        """Return where a member of the group that has `read` these records resumes."""
        if not partitions:
            return {}
        _, admin = await self._connected()
        commits = await _commits(admin, group)  # a member's group has a coordinator, or will have
        logs = await self.logs(partitions)
        with_fingerprint = {tp: commit for tp, commit in commits.items() if tp in logs and commit.fingerprint}
        before = await self._records_at(
            {tp: commit.offset - 1 for tp, commit in with_fingerprint.items()}, logs
        )
        starts = {tp: start_of(commits.get(tp), log, before.get(tp)) for tp, log in logs.items()}
        # Kafka forgets the commits of a deleted topic, and commits of a tool have no fingerprint.
        without_fingerprint = {
            tp: record for tp, record in read.items() if tp in logs and tp not in with_fingerprint
        }
        replaced = await self.replaced(without_fingerprint, logs)
        return starts | {tp: restart_of(starts[tp].offset, logs[tp]) for tp in replaced}

    async def replaced(self, read: Records, logs: Logs) -> set[TopicPartition]:
        """Return the partitions whose log is not the one from which these records were read."""
        there = await self._records_at({tp: record.offset for tp, record in read.items()}, logs)
        shorter = {tp for tp, record in read.items() if record.offset >= logs[tp].end}
        return shorter | {
            tp for tp, record in there.items() if fingerprint_of(record) != fingerprint_of(read[tp])
        }

    async def logs(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        """Return the bounds of these partitions' logs."""
        if not partitions:
            return {}
        consumer, _ = await self._connected()
        ends = await consumer.end_offsets(list(partitions))
        beginnings = await consumer.beginning_offsets(list(partitions))
        return {tp: Log(beginnings[tp], max(ends[tp], beginnings[tp])) for tp in partitions}

    async def close(self) -> None:
        """Disconnect; the next query reconnects."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        with suppress(KafkaError, OSError):
            if consumer:
                await consumer.stop()
            if admin:
                await admin.close()

    async def _records_at(
        self, places: Mapping[TopicPartition, int], logs: Logs
    ) -> dict[TopicPartition, ConsumerRecord]:
        """Return the records at these offsets, where there are any."""
        there = {tp: offset for tp, offset in places.items() if logs[tp].beginning <= offset < logs[tp].end}
        if not there:
            return {}
        consumer, _ = await self._connected()
        consumer.assign(list(there))
        for tp, offset in there.items():
            consumer.seek(tp, offset)
        found: dict[TopicPartition, ConsumerRecord] = {}
        waiting = set(there)
        while waiting:
            batches = await consumer.getmany(*waiting, timeout_ms=FETCH_MS)
            first = {tp: records[0] for tp, records in batches.items()}
            found |= {tp: record for tp, record in first.items() if record.offset == there[tp]}
            waiting = {tp for tp in waiting if await consumer.position(tp) == there[tp]}
        consumer.pause(*there)
        return found

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._consumer is None or self._admin is None:
            self._consumer = AIOKafkaConsumer(
                **client_config(self._settings),
                request_timeout_ms=REQUEST_MS,
                auto_offset_reset="none",
                max_partition_fetch_bytes=FETCH_BYTES,
            )
            self._admin = AIOKafkaAdminClient(**client_config(self._settings), request_timeout_ms=REQUEST_MS)
            await self._consumer.start()
            await self._admin.start()
        return self._consumer, self._admin


@asynccontextmanager
async def open_offsets(settings: KafkaSettings) -> AsyncIterator[Offsets]:
    """Connect for the length of a block, which may take ANSWER_SECONDS.

    Raises:
        KafkaError, OSError, TimeoutError: Kafka did not answer.
    """
    offsets = Offsets(settings)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield offsets
    finally:
        await offsets.close()


def start_of(committed: Commit | None, log: Log, before: ConsumerRecord | None = None) -> Start:
    """Return where to begin; `before` is the record before the committed offset, if the log has one there."""
    if committed is None:
        return Start(log.beginning)
    offset, fingerprint = committed
    if offset > log.end:
        return Start(log.beginning, f"it ends at {log.end}, and {offset} was committed", log_replaced=True)
    if offset < log.beginning:
        return Start(log.beginning, f"its records from offset {offset} were removed before they were read")
    if fingerprint and before and fingerprint_of(before) != fingerprint:
        reason = f"its record at offset {before.offset} is not the one that was read"
        return Start(log.beginning, reason, log_replaced=True)
    return Start(offset, before=before)


def restart_of(expected: int, log: Log) -> Start:
    """Return where to begin in a log that replaced the one in which the `expected` offset was next."""
    start = start_of(Commit(expected), log)
    return start if start.reason else Start(log.beginning, "it was replaced", log_replaced=True)


def fingerprint_of(record: ConsumerRecord) -> str:
    """Return what distinguishes a record from any other at the same offset."""
    return f"{crc32(b'%d %b %b' % (record.timestamp, record.key or b'', record.value or b'')):08x}"


def partitions_of(topics: Iterable[Topic]) -> list[TopicPartition]:
    """Return every partition of these topics."""
    return [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]


async def committed_by(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, Commit]:
    """Return the committed offsets of a group, none if Kafka does not know the group."""
    try:
        return await _commits(admin, group)
    except GroupCoordinatorNotAvailableError:
        return {}  # the answer of a Kafka that has never had a group


async def _commits(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, Commit]:
    """Return the commits of a group, asking again for a while until its coordinator has loaded them."""
    deadline = monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            return await _fetched_commits(admin, group)
        except (NotCoordinatorForGroupError, GroupLoadInProgressError):
            if monotonic() > deadline:
                raise
            await asyncio.sleep(COORDINATOR_PAUSE)


async def _fetched_commits(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, Commit]:
    coordinator = await admin.find_coordinator(group)
    # Not `list_consumer_group_offsets`: while a coordinator loads, it answers with an error and no partitions,
    # which that method returns as a group without commits.
    answer = await admin._send_request(OffsetFetchRequest(group, None), coordinator)  # noqa: SLF001
    if answer.error_code:
        raise for_code(answer.error_code)(group)
    return {
        TopicPartition(topic, number): Commit(offset, fingerprint or "")
        for topic, partitions in answer.topics
        for number, offset, fingerprint, _ in partitions
        if offset >= 0
    }
