"""Find the time in which no worker ran the feed: from the newest record on Kafka to our first reading."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from iss_agents.backoff import delays
from iss_agents.feed.farewell import stop_consumer
from iss_agents.feed.gaps import new_gap
from iss_agents.kafka_access import kafka_access
from iss_agents.records import Gap, Source
from iss_agents.settings import Settings
from iss_agents.shard import WHOLE, Shard
from iss_agents.station_clock import from_milliseconds, milliseconds
from iss_agents.topics import RAW

LONGEST_PAUSE = timedelta(seconds=2)
"""TIME_000001 comes once a second (feed.md): a longer pause than this misses readings."""

ANSWER_SECONDS = 5.0


def restart_gap(last: datetime | None, first: datetime, source: Source, shard: Shard = WHOLE) -> Gap | None:
    """Return the gap from the ingest of the last known reading to that of our first, if there is one."""
    if last is None or first - last <= LONGEST_PAUSE:
        return None
    return new_gap("restart", last, end=first, detail="no worker ran the feed", source=source, shard=shard)


async def find_restart_gap(
    settings: Settings, first: datetime, source: Source, spooled_until: datetime | None = None
) -> Gap | None:
    """Return the restart gap as soon as Kafka answers, however long that takes.

    `first` is the ingest of our first reading, `spooled_until` that of the newest one that an earlier worker
    left on disk: those readings are on their way to Kafka and perhaps not there yet.
    """
    for pause in delays(0.5, 5):
        try:
            published = await newest_before(settings, first, settings.feed_shard)
        except (KafkaError, OSError, TimeoutError):
            await asyncio.sleep(pause)
        else:
            known = [instant for instant in (published, spooled_until) if instant is not None]
            return restart_gap(max(known, default=None), first, source, settings.feed_shard)
    raise AssertionError("delays never end")


async def last_published(settings: Settings) -> datetime | None:
    """Return the ingest time of the newest raw record; None without one, or without an answer in 5 s."""
    try:
        return await newest_before(settings, datetime.now(UTC))
    except (KafkaError, OSError, TimeoutError):
        return None


async def newest_before(settings: Settings, instant: datetime, shard: Shard = WHOLE) -> datetime | None:
    """Return the ingest time of the newest raw record of a shard that was ingested before `instant`.

    Raises:
        KafkaError, OSError, TimeoutError: Kafka did not answer within 5 s.
    """
    consumer = AIOKafkaConsumer(
        **kafka_access(settings),
        request_timeout_ms=int(ANSWER_SECONDS * 1000),
        fetch_max_wait_ms=20,
        enable_auto_commit=False,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await consumer.start()
            ends = await _ends(consumer, shard, milliseconds(instant))
            times = await _times_before(consumer, ends)
    finally:
        await stop_consumer(consumer)
    return from_milliseconds(max(times)) if times else None


async def _ends(consumer: AIOKafkaConsumer, shard: Shard, before: int) -> Mapping[TopicPartition, int]:
    """Return per partition the offset behind the last record before `before`, where there is such a record."""
    partitions = [TopicPartition(RAW.name, number) for number in shard.partitions]
    consumer.assign(partitions)
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    later = await consumer.offsets_for_times(dict.fromkeys(partitions, before))
    behind = {key: found.offset if (found := later[key]) else ends[key] for key in partitions}
    return {key: end for key, end in behind.items() if end > begins[key]}


async def _times_before(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[int]:
    consumer.assign(list(ends))
    for partition, end in ends.items():
        consumer.seek(partition, end - 1)
    found: dict[TopicPartition, int] = {}
    while found.keys() != ends.keys():
        for partition, records in (await consumer.getmany(timeout_ms=100)).items():
            found.setdefault(partition, records[0].timestamp)
    return list(found.values())
