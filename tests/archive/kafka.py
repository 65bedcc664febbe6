"""Kafka helpers of the archive tests."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.service import Archive
from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.kafka.group_monitor import GroupMonitor
from iss_agents.runtime.health import Health
from iss_agents.telemetry.records import Reading, new_reading
from iss_agents.telemetry.topics import ARCHIVE_GROUP
from iss_agents.watchdogs.stalls import Watchdog

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
PARTITIONS = [
    TopicPartition(row.topic.name, number)
    for row in DESTINATIONS.values()
    for number in range(row.topic.partitions)
]


def numbered_readings(count: int, item_id: str = "NODE3000005", start: datetime = NOON) -> list[Reading]:
    """Return readings a second apart whose value is their number."""
    now = datetime.now(UTC)
    return [
        new_reading(item_id, start + timedelta(seconds=number), str(number), ingest_ts=now, source="simulated")
        for number in range(count)
    ]


async def publish(producer: AIOKafkaProducer, readings: Iterable[Reading]) -> list[RecordMetadata]:
    """Return when Kafka has the readings."""
    futures = []
    for reading in readings:
        out = outgoing_reading(reading)
        futures.append(await producer.send(out.topic, out.value, key=out.key, partition=out.partition))
    return await asyncio.gather(*futures)


async def publish_at_once(producer: AIOKafkaProducer, readings: Sequence[Reading]) -> None:
    """Return when Kafka has the readings of one item, in one batch: nobody reads a part of them."""
    records, batch = list(map(outgoing_reading, readings)), producer.create_batch()
    for record in records:
        batch.append(timestamp=None, key=record.key, value=record.value)
    await (await producer.send_batch(batch, records[0].topic, partition=records[0].partition))


@asynccontextmanager
async def running(settings: Settings, health: Health | None = None) -> AsyncIterator[Archive]:
    """Run an archive, and what looks after its group."""
    health = health or Health()
    archive, monitor = Archive(settings, health), GroupMonitor(settings, Watchdog(health))
    monitor.add(archive)
    await archive.start()
    await monitor.start()
    try:
        yield archive
    finally:
        await monitor.stop()
        await archive.stop()


async def lag(settings: Settings) -> int:
    """Return how many records the group has not committed."""
    async with _group(settings) as consumer:
        ends = await consumer.end_offsets(PARTITIONS)
        committed = {partition: await consumer.committed(partition) or 0 for partition in PARTITIONS}
        return int(sum(ends.values()) - sum(committed.values()))


async def ends(settings: Settings) -> dict[TopicPartition, int]:
    """Return the end of every partition."""
    async with _group(settings) as consumer:
        return dict(await consumer.end_offsets(PARTITIONS))


async def set_to(settings: Settings, offsets: dict[TopicPartition, int]) -> None:
    """Commit these offsets; the group must have no members."""
    async with _group(settings) as consumer:
        await consumer.commit(offsets)


async def set_to_end(settings: Settings) -> None:
    """Commit the end of every partition; the group must have no members."""
    await set_to(settings, await ends(settings))


@asynccontextmanager
async def _group(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, group_id=ARCHIVE_GROUP, enable_auto_commit=False
    )
    try:
        consumer.assign(PARTITIONS)
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
