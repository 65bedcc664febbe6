"""Records that agents derive: acknowledged by Kafka, in order, before the agent goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder
from mode import Service

from iss_agents.backoff import delays
from iss_agents.kafka_access import kafka_access
from iss_agents.metrics import PUBLISH_ERRORS
from iss_agents.producers import give_up_producer, in_time
from iss_agents.settings import Settings
from iss_agents.topics import Topic

logger = logging.getLogger(__name__)

BATCH_BYTES = 262_144


class Output(NamedTuple):
    """One derived record."""

    key: bytes | None
    value: bytes
    timestamp_ms: int
    headers: Sequence[tuple[str, bytes]] = ()


class Outputs(Service):
    """Sends records in batches that Kafka takes whole or not at all, so that a retry keeps their order.

    `failures` counts attempts that failed: whoever waits for a `send` waits for Kafka if it grows.
    """

    def __init__(self, settings: Settings, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__()
        self.failures = 0
        self._settings = settings
        self._pause = pause
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def on_start(self) -> None:
        """Connect; the boot order has made sure that Kafka answers."""
        await self._connected()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._producer:
            await give_up_producer(self._producer)

    async def send(self, topic: Topic, partition: int, outputs: Iterable[Output]) -> None:
        """Return when Kafka has all of `outputs`, in order; try for as long as it takes.

        Raises:
            KafkaError: Kafka will never take one of them.
            Exception: whatever `pause` between two attempts raises.
        """
        waiting = list(outputs)
        while waiting:
            taken = await self._send_some(topic, partition, waiting)
            waiting = waiting[taken:]

    async def _send_some(self, topic: Topic, partition: int, outputs: list[Output]) -> int:
        for delay in delays(0.5, 10.0):
            try:
                return await self._attempt(topic, partition, outputs)
            except KafkaError as error:
                if not error.retriable:
                    raise
                self.failures += 1
                PUBLISH_ERRORS.labels("agents").inc()
                logger.warning("%s does not take records (%s); trying again", topic.name, error)
                await self._pause(delay)
        raise AssertionError("delays never end")

    async def _attempt(self, topic: Topic, partition: int, outputs: list[Output]) -> int:
        producer = await self._connected()
        batch = producer.create_batch()
        taken = _fill(batch, outputs)
        try:
            await in_time(_acknowledged(producer, batch, topic, partition))
        except (KafkaTimeoutError, ProducerClosed) as error:
            # A fresh producer asks the bootstrap servers again.
            await self._replace(producer)
            raise KafkaConnectionError(str(error)) from error
        return taken

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                self._producer = await _started(self._settings)
            return self._producer

    async def _replace(self, failed: AIOKafkaProducer) -> None:
        # Several agents send at once: the first whose attempt took too long fails those of the others.
        if self._producer is failed:
            self._producer = None
            await give_up_producer(failed)


async def _acknowledged(producer: AIOKafkaProducer, batch: BatchBuilder, topic: Topic, partition: int) -> None:
    await (await producer.send_batch(batch, topic.name, partition=partition))


async def _started(settings: Settings) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **kafka_access(settings),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


def _fill(batch: BatchBuilder, outputs: list[Output]) -> int:
    now = int(time() * 1000)
    for taken, output in enumerate(outputs):
        key, value, timestamp, headers = output
        # Kafka refuses times far ahead of its clock, and a reading's may be any.
        timestamp = min(timestamp, now)
        appended = batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers))
        if appended is None:
            return taken  # never 0: a batch takes its first record whatever its size
    return len(outputs)
