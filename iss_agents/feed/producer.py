"""Kafka producer of the feed: sends batches of records in order until Kafka has acknowledged all."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from time import time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidTimestampError,
    KafkaError,
    PolicyViolationError,
)

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.feed.dead_letters import rejected_record
from iss_agents.feed.producer_record import ProducerRecord, outgoing_invalid
from iss_agents.kafka import diagnosis
from iss_agents.kafka.clients import abort_producer, start_producer
from iss_agents.kafka.diagnosis import TOO_LARGE, describe
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.metrics import INVALID, PUBLISH_ERRORS

logger = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
REQUEST_SECONDS = 15
DELIVERY_SECONDS = 30.0
"""After this long without an acknowledgement a new producer asks the bootstrap servers again."""

REJECTIONS = (*TOO_LARGE, InvalidTimestampError, PolicyViolationError)
"""Errors that the record may have caused, for example by a time too old for the topic."""

Partition = tuple[str, int]
"""Topic and partition number."""


class Rejection(NamedTuple):
    """Records of one partition that Kafka rejected together, and its answer."""

    records: list[ProducerRecord]
    error: BrokerResponseError


class RecordProducer:
    """One idempotent producer at a time, replaced when it fails. `problem` says why Kafka accepts nothing now.

    `misconfiguration` tells the operator what to correct if settings or rights are the reason.
    """

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        self.misconfiguration = ""
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._topics_checked = False

    async def deliver(self, records: Sequence[ProducerRecord]) -> None:
        """Return when Kafka has acknowledged every record, however long that takes.

        A record that Kafka rejects becomes a dead letter. After an unknown outcome records are sent again, in
        the same order.
        """
        for rejection in await self._deliver(records):
            for record in rejection.records:
                await self._deliver_alone(record)

    async def close(self) -> None:
        """Abort what is in flight and disconnect, within seconds."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        await abort_producer(producer)

    async def _deliver_alone(self, record: ProducerRecord) -> None:
        pauses = delays(0.25, 5)
        while rejections := await self._deliver([record]):
            invalid = rejected_record(record, rejections[0].error)
            # If even this is rejected, the record is not the cause: our clock may be ahead of Kafka's.
            if not await self._deliver([outgoing_invalid(invalid)]):
                INVALID.labels("feed", invalid.reason).inc()
                logger.warning("%s (key %r)", invalid.error, record.key)
                return
            await asyncio.sleep(next(pauses))

    async def _deliver(self, records: Sequence[ProducerRecord]) -> list[Rejection]:
        """Deliver records and return those that Kafka rejected."""
        waiting = _by_partition(records)
        rejected: list[Rejection] = []
        pauses = delays(0.25, 5)
        while waiting:
            failures = await self._attempt(waiting)
            rejections = {key: error for key, error in failures.items() if isinstance(error, REJECTIONS)}
            rejected += [Rejection(waiting[key], error) for key, error in rejections.items()]
            waiting = {key: waiting[key] for key in failures if key not in rejections}
            if failures:
                # The sequence numbers of a failed batch are used up: only a new producer can continue.
                await self.close()
            if waiting:
                await asyncio.sleep(next(pauses))
        return rejected

    async def _attempt(
        self, waiting: Mapping[Partition, list[ProducerRecord]]
    ) -> dict[Partition, BaseException]:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                producer = await self._connected()
                sends = [_send(producer, *partition, records) for partition, records in waiting.items()]
                outcomes = await asyncio.gather(*sends, return_exceptions=True)
        except (KafkaError, OSError, TimeoutError, UserError) as error:
            outcomes = [error] * len(waiting)
        failures = {key: error for key, error in zip(waiting, outcomes, strict=True) if error is not None}
        if failures:
            PUBLISH_ERRORS.labels("feed").inc()
        await self._explain(next(iter(failures.values()), None))
        return failures

    async def _explain(self, error: BaseException | None) -> None:
        self.problem = describe(error) if error else ""
        self.misconfiguration = await diagnosis.explain_misconfiguration(self._settings, error) if error else ""

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        if not self._topics_checked:
            await provision_topics(self._settings)
            self._topics_checked = True
        self._producer = await start_producer(
            self._settings,
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_SECONDS * 1000,
        )
        return self._producer


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[ProducerRecord]
) -> None:
    batch = producer.create_batch()
    now = time()
    for record in records:
        # Kafka rejects times more than an hour ahead, which a wrong clock leaves behind.
        milliseconds = int(min(record.ingest_ts or now, now) * 1000)
        if not batch.append(key=record.key, value=record.value, timestamp=milliseconds):
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=milliseconds)
    await (await producer.send_batch(batch, topic, partition=partition))


def _by_partition(records: Sequence[ProducerRecord]) -> dict[Partition, list[ProducerRecord]]:
    partitions: defaultdict[Partition, list[ProducerRecord]] = defaultdict(list)
    for record in records:
        partitions[record.topic, record.partition].append(record)
    return dict(partitions)
