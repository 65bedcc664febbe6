"""Producer of the agents: Kafka has acknowledged their records, in order, before an agent continues."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import BrokerResponseError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import abort_producer, start_producer, with_timeout
from iss_agents.kafka.diagnosis import TOO_LARGE, describe, explain_misconfiguration
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.metrics import OUTPUTS_PENDING, PUBLISH_ERRORS
from iss_agents.telemetry.topics import Topic

logger = logging.getLogger(__name__)

BATCH_BYTES = 262_144

LINGER_SECONDS = 0.01
"""How long records wait for those of other partitions: a fetch comes from several, and a request costs Kafka,
the worker and every state view far more than each partition in it."""


class Output(NamedTuple):
    """One derived record."""

    key: bytes | None
    value: bytes
    timestamp_ms: int
    headers: Sequence[tuple[str, bytes]] = ()


class PendingWait(NamedTuple):
    """How long Kafka has not acknowledged records of a topic."""

    topic: str
    seconds: float


class Outputs(Service):
    """Sends records in batches that Kafka accepts as a whole or not at all, so that a retry keeps their order.

    `check` is called right before each attempt, and ends a process that must not write any more. `failures`
    counts failed attempts: while it grows, a pending `send` waits for Kafka. `problems` maps each topic that
    does not accept records at present to the reason.
    """

    def __init__(
        self,
        settings: Settings,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.failures = 0
        self.problems: dict[str, str] = {}
        self._settings = settings
        self._pause = pause
        self._check = check
        self._waiting: dict[object, tuple[str, float]] = {}
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._departure = asyncio.Event()
        self._departure.set()

    async def on_stop(self) -> None:
        """Disconnect."""
        if self._producer:
            await abort_producer(self._producer)

    def longest_wait(self) -> PendingWait | None:
        """Return the longest pending wait for an acknowledgement."""
        topic, since = next(iter(self._waiting.values()), (None, 0.0))
        return PendingWait(topic, monotonic() - since) if topic else None

    async def send(self, topic: Topic, partition: int, outputs: Iterable[Output]) -> range:
        """Send `outputs` in order, retrying until Kafka has acknowledged all, and return their offsets.

        The range is longer than `outputs` if somebody else has written in between.

        Raises:
            MessageSizeTooLargeError, RecordListTooLargeError: one of them is larger than Kafka accepts.
            Exception: raised by `pause` between two attempts.
        """
        waiting = list(outputs)
        written = range(0)
        if not waiting:
            return written
        with self._counted(topic, len(waiting)):
            while waiting:
                part = await self._send_some(topic, partition, waiting)
                written = range(written.start if written else part.start, part.stop)
                waiting = waiting[len(part) :]
        return written

    @contextmanager
    def _counted(self, topic: Topic, count: int) -> Iterator[None]:
        token = object()
        self._waiting[token] = topic.name, monotonic()
        pending = OUTPUTS_PENDING.labels(topic.name)
        pending.inc(count)
        try:
            yield
        finally:
            pending.dec(count)
            del self._waiting[token]

    async def _send_some(self, topic: Topic, partition: int, outputs: list[Output]) -> range:
        pauses = delays(0.5, 10.0)
        while True:
            try:
                taken = await self._attempt(topic, partition, outputs)
            except TOO_LARGE:
                raise
            except KafkaError as error:
                await self._note_failure(topic, error)
                await self._pause(next(pauses))
            else:
                self.problems.pop(topic.name, None)
                return taken

    async def _attempt(self, topic: Topic, partition: int, outputs: list[Output]) -> range:
        producer = await self._connected()
        await self._linger()
        batch = producer.create_batch()
        taken = _fill(batch, outputs)
        self._check()
        try:
            first = await with_timeout(_acknowledged(producer, batch, topic, partition))
        except KafkaError:
            # The sequence numbers of a failed batch are used up; a new producer asks the bootstrap servers.
            await self._replace(producer)
            raise
        return range(first, first + taken)

    async def _linger(self) -> None:
        if self._departure.is_set():
            self._departure = asyncio.Event()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._departure.set)
        await self._departure.wait()

    async def _note_failure(self, topic: Topic, error: KafkaError) -> None:
        self.failures += 1
        PUBLISH_ERRORS.labels("agents").inc()
        logger.warning("%s does not accept records (%s); retrying", topic.name, error)
        # Only if Kafka has answered: probing a silent broker would take longer than a rebalance may wait.
        refused = (
            await explain_misconfiguration(self._settings, error)
            if isinstance(error, BrokerResponseError)
            else ""
        )
        self.problems[topic.name] = f"{topic.name} does not accept records: {refused or describe(error)}"

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                self._producer = await start_producer(
                    self._settings, compression_type="lz4", max_batch_size=BATCH_BYTES
                )
            return self._producer

    async def _replace(self, failed: AIOKafkaProducer) -> None:
        # Several agents send concurrently: the first failed attempt makes those of the others fail.
        if self._producer is failed:
            self._producer = None
            await abort_producer(failed)


async def _acknowledged(producer: AIOKafkaProducer, batch: BatchBuilder, topic: Topic, partition: int) -> int:
    return int((await (await producer.send_batch(batch, topic.name, partition=partition))).offset)


def _fill(batch: BatchBuilder, outputs: list[Output]) -> int:
    now = int(time() * 1000)
    for taken, output in enumerate(outputs):
        key, value, timestamp, headers = output
        # Kafka rejects times far ahead of its clock, and a reading may have any time.
        timestamp = min(timestamp, now)
        appended = batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers))
        if appended is None:
            return taken  # never 0: a batch accepts its first record whatever its size
    return len(outputs)
