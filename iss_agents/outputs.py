"""Records that agents derive: acknowledged by Kafka, in order, before the agent goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from mode import Service

from iss_agents.backoff import delays
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
    """Sends records in batches that Kafka takes whole or not at all, so that a retry keeps their order."""

    def __init__(self, settings: Settings, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__()
        self._settings = settings
        self._pause = pause
        self._producer: AIOKafkaProducer | None = None

    async def on_start(self) -> None:
        """Connect; the boot order has made sure that Kafka answers."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.brokers,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
        )
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._producer:
            await self._producer.stop()

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
        assert self._producer  # noqa: S101 - started before the agents
        for delay in delays(0.5, 10.0):
            batch = self._producer.create_batch()
            taken = _fill(batch, outputs)
            try:
                await (await self._producer.send_batch(batch, topic.name, partition=partition))
            except KafkaError as error:
                if not error.retriable:
                    raise
                logger.warning("%s does not take records (%s); trying again", topic.name, error)
                await self._pause(delay)
            else:
                return taken
        raise AssertionError("delays never end")


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
