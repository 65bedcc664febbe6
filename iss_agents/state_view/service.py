"""State view (materialized view): the Tables of all workers, read from their changelog topics.

A Table holds the keys of its own worker's partitions only. The changelogs hold every key, and 337 items are
small, so each worker with views follows them all, without a consumer group. So it does with the small topics of
events, decisions and gaps, which spares the views of the present a database.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.kafka.clients import client_config, quiet_kafka_logs, reaches_kafka
from iss_agents.runtime import metrics
from iss_agents.runtime.backoff import delays
from iss_agents.state_view.replica import CHANGELOGS, FOLLOWED, Replica
from iss_agents.telemetry.records import Reading, Source

logger = logging.getLogger(__name__)

PARTITIONS = [
    TopicPartition(topic.name, number)
    for topic in [*CHANGELOGS.values(), *FOLLOWED.values()]
    for number in range(topic.partitions)
]

FETCH_RECORDS = 500
"""Records per fetch, so that a long changelog blocks the event loop for milliseconds only."""

FETCH_WAIT_MS = 1000
ASK_SECONDS = 2.0
"""Seconds between two probes of Kafka: a fetch alone does not notice that it is unreachable."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0


class StateView(Service):
    """Follows the changelogs. Without Kafka it serves what it has, and continues once Kafka is back."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.replica = Replica()
        self.ready = False
        """Whether all that the topics held when they were first reached has been read."""
        self.away_since: datetime | None = None
        """Since when Kafka does not answer; None while it does, and before it was first asked."""
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._pauses = delays(FIRST_PAUSE, LONGEST_PAUSE)
        self._said_away = False
        self._probe: asyncio.Task[bool] | None = None

    def table(self, name: str) -> dict[str, Any]:
        """Return key -> value of a Table, decoded. Raises KeyError if there is no such Table."""
        return self.replica.table(name)

    def reading(self, item_id: str, source: Source) -> Reading | None:
        """Return the newest reading of an item from a source, or None if it was never measured."""
        return self.replica.reading(item_id, source)

    async def reaches_kafka(self) -> bool:
        """Ask Kafka now whether it answers. Anybody may ask for the health, so callers share a request."""
        if self._consumer is None:
            return False
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(reaches_kafka(self._consumer))
        return await asyncio.shield(self._probe)

    async def on_start(self) -> None:
        quiet_kafka_logs()

    @Service.task
    async def _ask(self) -> None:
        while not self.should_stop:
            await self.sleep(ASK_SECONDS)
            asked_at = datetime.now(UTC)
            reached = await self.reaches_kafka()
            self.away_since = None if reached else self.away_since or asked_at

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                await self._read()
            except KafkaError as error:
                self._say_away(error)
                await self.sleep(next(self._pauses))

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **client_config(self._settings),
            auto_offset_reset="earliest",
            max_poll_records=FETCH_RECORDS,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            consumer.assign(PARTITIONS)
            ends = await consumer.end_offsets(PARTITIONS)
            self._say_back()
            await self._follow_from_the_start(consumer, ends)
        finally:
            self._consumer = None
            await consumer.stop()

    async def _follow_from_the_start(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        caught_up = False
        while not self.should_stop:
            caught_up = caught_up or not await _unread(consumer, ends)
            self.ready = self.ready or caught_up
            records = await self._fetch(consumer)
            readings = self.replica.apply(records)
            if caught_up:
                _measure(readings)
            elif not records:
                ends = await _shrunk(consumer, ends)

    async def _fetch(self, consumer: AIOKafkaConsumer) -> list[ConsumerRecord]:
        await asyncio.sleep(0)  # what is buffered comes without waiting, and others want to run too
        batches = await consumer.getmany(timeout_ms=FETCH_WAIT_MS)
        return [record for batch in batches.values() for record in batch]

    def _say_away(self, error: KafkaError) -> None:
        if not self._said_away:
            logger.warning("The state view cannot read from Kafka and keeps trying: %s", error)
        self._said_away = True

    def _say_back(self) -> None:
        if self._said_away:
            logger.info("The state view reads from Kafka again")
        self._said_away = False
        self._pauses = delays(FIRST_PAUSE, LONGEST_PAUSE)


async def _unread(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[TopicPartition]:
    return [partition for partition, end in ends.items() if await consumer.position(partition) < end]


async def _shrunk(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Return the ends up to which to read, lower where a log has been emptied or recreated meanwhile."""
    now = await consumer.end_offsets(await _unread(consumer, ends))
    return {partition: min(end, now.get(partition, end)) for partition, end in ends.items()}


def _measure(readings: list[Reading]) -> None:
    now = datetime.now(UTC)
    for reading in readings:
        metrics.INGEST_TO_STATE.observe((now - reading.ingest_ts).total_seconds())
