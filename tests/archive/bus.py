"""What tests of the archive say to Kafka, and ask it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.intake import GROUP
from iss_agents.archive.service import Archive
from iss_agents.feed.outgoing import outgoing_reading
from iss_agents.health import Health
from iss_agents.records import Reading, new_reading
from iss_agents.settings import Settings

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


@asynccontextmanager
async def running(settings: Settings, health: Health | None = None) -> AsyncIterator[Archive]:
    """Run an archive."""
    archive = Archive(settings, health or Health())
    await archive.start()
    try:
        yield archive
    finally:
        await archive.stop()


async def lag(settings: Settings) -> int:
    """Return how many records the group has not committed."""
    async with _group(settings) as consumer:
        ends = await consumer.end_offsets(PARTITIONS)
        committed = {partition: await consumer.committed(partition) or 0 for partition in PARTITIONS}
        return int(sum(ends.values()) - sum(committed.values()))


async def set_to_end(settings: Settings) -> None:
    """Commit the end of every partition; the group must have no members."""
    async with _group(settings) as consumer:
        await consumer.commit(await consumer.end_offsets(PARTITIONS))


@asynccontextmanager
async def _group(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=GROUP, enable_auto_commit=False)
    consumer.assign(PARTITIONS)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
