"""Hand batches of records to Kafka, one after the other, until it has acknowledged each of them."""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

from iss_agents import kafka_trouble
from iss_agents.backoff import delays
from iss_agents.errors import UserError
from iss_agents.feed.outgoing import Outgoing, outgoing_invalid
from iss_agents.kafka_access import kafka_access
from iss_agents.messages import LARGEST_PAYLOAD
from iss_agents.metrics import INVALID, PUBLISH_ERRORS
from iss_agents.producers import give_up_producer
from iss_agents.records import SCHEMA_VERSION, Invalid
from iss_agents.settings import Settings
from iss_agents.topic_check import ensure_topics

logger = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
REQUEST_SECONDS = 15
DELIVERY_SECONDS = 30.0
"""After this long without an acknowledgement a fresh producer asks the bootstrap servers again."""

KEPT_PAYLOAD_BYTES = 1000
"""How much of a record that is too large for Kafka is kept in the invalid topic; others are kept whole."""

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
REFUSALS = (*TOO_LARGE, InvalidTimestampError, PolicyViolationError)
"""What Kafka answers when a record is to blame. The errors' own `retriable` does not tell: it is false, too,
for a missing permission and for a producer that the broker has forgotten, and those are every record's."""

Partition = tuple[str, int]
"""Topic and number."""


class Refusal(NamedTuple):
    """Records of one partition that Kafka refused together, and its answer."""

    records: list[Outgoing]
    error: BrokerResponseError


class Delivery:
    """One idempotent producer at a time, replaced when it fails. `problem` says why Kafka takes nothing now.

    `to_correct` is the sentence for an operator where settings or rights are the reason.
    """

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        self.to_correct = ""
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._topics_checked = False

    async def deliver(self, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has acknowledged every record, however long that takes.

        A record that Kafka refuses for itself goes to the invalid topic. After an unknown outcome records
        are sent again, in the same order.
        """
        for refusal in await self._deliver(records):
            for record in refusal.records:
                await self._deliver_alone(record)

    async def close(self) -> None:
        """Give up what is under way and disconnect, within seconds."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        await give_up_producer(producer)

    async def _deliver_alone(self, record: Outgoing) -> None:
        pauses = delays(0.25, 5)
        while refusals := await self._deliver([record]):
            invalid = _invalid(record, refusals[0].error)
            # If even this is refused, the record is not to blame: our clock may be ahead of Kafka's, for one.
            if not await self._deliver([outgoing_invalid(invalid)]):
                INVALID.labels("feed", invalid.reason).inc()
                logger.warning("%s (key %r)", invalid.error, record.key)
                return
            await asyncio.sleep(next(pauses))

    async def _deliver(self, records: Sequence[Outgoing]) -> list[Refusal]:
        """Deliver and return what Kafka refused."""
        waiting = _by_partition(records)
        refused: list[Refusal] = []
        pauses = delays(0.25, 5)
        while waiting:
            failures = await self._attempt(waiting)
            refused += [
                Refusal(waiting[key], error) for key, error in failures.items() if isinstance(error, REFUSALS)
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
        if failures:
            PUBLISH_ERRORS.labels("feed").inc()
        await self._explain(next(iter(failures.values()), None))
        return failures

    async def _explain(self, error: BaseException | None) -> None:
        self.problem = _sentence(error) if error else ""
        self.to_correct = await kafka_trouble.refusal(self._settings, error) if error else ""

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        if not self._topics_checked:
            await ensure_topics(self._settings)
            self._topics_checked = True
        producer = AIOKafkaProducer(
            **kafka_access(self._settings),
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
    now = time()
    for record in records:
        # Kafka refuses what is more than an hour ahead, as a clock that was wrong leaves it.
        milliseconds = int(min(record.ingest_ts or now, now) * 1000)
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


def _invalid(record: Outgoing, error: BrokerResponseError) -> Invalid:
    too_large = isinstance(error, TOO_LARGE)
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=hashlib.sha256(record.topic.encode() + b"|" + record.value).hexdigest(),
        stage="feed",
        reason="too_large" if too_large else "refused",
        error=f"Kafka refused this record of {len(record.value)} bytes for {record.topic}: {_sentence(error)}",
        payload=record.value[: KEPT_PAYLOAD_BYTES if too_large else LARGEST_PAYLOAD],
        seen_at=datetime.now(UTC),
        item_id=record.key.decode(errors="replace") if record.key else None,
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, InvalidTimestampError):
        return f"{error}: is a clock wrong, this machine's or Kafka's?"
    return str(error) or type(error).__name__
