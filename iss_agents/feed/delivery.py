"""Hand batches of records to Kafka, one after the other, until it has acknowledged each of them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed, RecordListTooLargeError

from iss_agents.backoff import delays
from iss_agents.errors import UserError
from iss_agents.feed.outgoing import Outgoing, outgoing_invalid
from iss_agents.metrics import INVALID
from iss_agents.records import SCHEMA_VERSION, Invalid
from iss_agents.topic_check import ensure_topics

logger = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
REQUEST_SECONDS = 15
DELIVERY_SECONDS = 30.0
"""After this long without an acknowledgement a fresh producer asks the bootstrap servers again."""

CLOSE_SECONDS = 2.0
KEPT_PAYLOAD_BYTES = 1000
"""How much of a record that Kafka refuses is kept in the invalid topic."""

REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What Kafka answers to a record that it would never take."""

Partition = tuple[str, int]
"""Topic and number."""


class Delivery:
    """One idempotent producer at a time, replaced when it fails. `problem` says why Kafka takes nothing now."""

    def __init__(self, brokers: Sequence[str]) -> None:
        self.problem = ""
        self._brokers = list(brokers)
        self._producer: AIOKafkaProducer | None = None
        self._topics_checked = False

    async def deliver(self, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has acknowledged every record, however long that takes.

        A record that Kafka refuses for itself goes to the invalid topic. After an unknown outcome records
        are sent again, in the same order.
        """
        for group in await self._deliver(records):
            for record in group:
                if await self._deliver([record]):
                    await self._deliver([_refused(record)])

    async def close(self) -> None:
        """Give up what is under way and disconnect, within `CLOSE_SECONDS`."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # An idempotent aiokafka producer never gives a batch up, and its `stop` would wait for that.
        producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await producer.stop()
        except TimeoutError:
            await producer.client.close()

    async def _deliver(self, records: Sequence[Outgoing]) -> list[list[Outgoing]]:
        """Deliver and return the groups of records that Kafka refused."""
        waiting = _by_partition(records)
        refused: list[list[Outgoing]] = []
        pauses = delays(0.25, 5)
        while waiting:
            failures = await self._attempt(waiting)
            refused += [
                waiting[partition] for partition, error in failures.items() if isinstance(error, REFUSALS)
            ]
            waiting = {key: waiting[key] for key, error in failures.items() if not isinstance(error, REFUSALS)}
            if failures:
                # The sequence numbers of a failed batch are used up: only a new producer can go on.
                await self.close()
            if waiting:
                await asyncio.sleep(next(pauses))
        return refused

    async def _attempt(self, waiting: Mapping[Partition, list[Outgoing]]) -> dict[Partition, BaseException]:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                producer = await self._connected()
                sends = [_send(producer, *partition, records) for partition, records in waiting.items()]
                outcomes = await asyncio.gather(*sends, return_exceptions=True)
        except (KafkaError, OSError, TimeoutError, UserError) as error:
            outcomes = [error] * len(waiting)
        failures = {key: error for key, error in zip(waiting, outcomes, strict=True) if error is not None}
        self.problem = next(map(_sentence, failures.values()), "")
        return failures

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        if not self._topics_checked:
            await ensure_topics(self._brokers)
            self._topics_checked = True
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers,
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_SECONDS * 1000,
        )
        self._producer = producer
        await producer.start()
        return producer


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
    batch = producer.create_batch()
    for record in records:
        milliseconds = int((record.ingest_ts or time()) * 1000)
        if not batch.append(key=record.key, value=record.value, timestamp=milliseconds):
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=milliseconds)
    await (await producer.send_batch(batch, topic, partition=partition))


def _by_partition(records: Sequence[Outgoing]) -> dict[Partition, list[Outgoing]]:
    partitions: defaultdict[Partition, list[Outgoing]] = defaultdict(list)
    for record in records:
        partitions[record.topic, record.partition].append(record)
    return dict(partitions)


def _refused(record: Outgoing) -> Outgoing:
    INVALID.labels("feed", "too_large").inc()
    error = f"Kafka refused this record of {len(record.value)} bytes for {record.topic}: too large"
    logger.warning("%s (key %r)", error, record.key)
    return outgoing_invalid(
        Invalid(
            schema_version=SCHEMA_VERSION,
            invalid_id=uuid4().hex,
            stage="feed",
            reason="too_large",
            error=error,
            payload=record.value[:KEPT_PAYLOAD_BYTES],
            seen_at=datetime.now(UTC),
            item_id=record.key.decode(errors="replace") if record.key else None,
        )
    )


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__
