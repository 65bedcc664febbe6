"""Restart gap: the span without a feed, from the newest reading on Kafka to our first one.

Test readings do not count: they come without a feed, too.
"""

import asyncio
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from iss_agents.config.settings import Settings
from iss_agents.feed.gap_detection import new_gap
from iss_agents.kafka.clients import client_config, close_consumer
from iss_agents.runtime.backoff import delays
from iss_agents.telemetry.records import TEST_MARK, Gap, Source
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from iss_agents.telemetry.topics import RAW

MAX_PAUSE = timedelta(seconds=2)
"""TIME_000001 ticks once a second (feed.md): a longer pause than this misses readings."""

ANSWER_SECONDS = 5.0

GROWTH, FARTHEST = 8, 100_000
"""The factor by which each searched span is longer than the one after it, and how many records back it goes."""


def restart_gap(last: datetime | None, first: datetime, source: Source, shard: Shard = WHOLE) -> Gap | None:
    """Return the gap from the ingest of the last known reading to that of our first, if any."""
    if last is None or first - last <= MAX_PAUSE:
        return None
    return new_gap("restart", last, end=first, detail="no worker ran the feed", source=source, shard=shard)


async def find_restart_gap(
    settings: Settings, first: datetime, source: Source, spooled_until: datetime | None = None
) -> Gap | None:
    """Return the restart gap as soon as Kafka answers, however long that takes.

    `first` is the ingest of our first reading, `spooled_until` that of the newest one that an earlier worker
    left on disk: those readings may not have reached Kafka yet.
    """
    pauses = delays(0.5, 5)
    while True:
        try:
            published = await newest_ingest_before(settings, first, settings.feed_shard)
        except (KafkaError, OSError, TimeoutError):
            await asyncio.sleep(next(pauses))
        else:
            known = [instant for instant in (published, spooled_until) if instant is not None]
            return restart_gap(max(known, default=None), first, source, settings.feed_shard)


async def newest_ingest_before(settings: Settings, instant: datetime, shard: Shard = WHOLE) -> datetime | None:
    """Return the ingest time of the feed's newest raw record of a shard that was ingested before `instant`.

    Raises:
        KafkaError, OSError, TimeoutError: Kafka did not answer within 5 s.
    """
    consumer = AIOKafkaConsumer(
        **client_config(settings),
        request_timeout_ms=int(ANSWER_SECONDS * 1000),
        fetch_max_wait_ms=20,
        enable_auto_commit=False,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await consumer.start()
            spans = await _spans(consumer, shard, milliseconds(instant))
            found = [await _last_time(consumer, *one) for one in spans]
    finally:
        await close_consumer(consumer)
    times = [time for time in found if time is not None]
    return from_milliseconds(max(times)) if times else None


async def _spans(
    consumer: AIOKafkaConsumer, shard: Shard, before: int
) -> list[tuple[TopicPartition, int, int]]:
    """Return each partition with its first offset and that after the last record before `before`."""
    partitions = [TopicPartition(RAW.name, number) for number in shard.partitions]
    consumer.assign(partitions)
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    later = await consumer.offsets_for_times(dict.fromkeys(partitions, before))
    behind = {key: found.offset if (found := later[key]) else ends[key] for key in partitions}
    return [(key, begins[key], end) for key, end in behind.items()]


async def _last_time(consumer: AIOKafkaConsumer, partition: TopicPartition, begin: int, end: int) -> int | None:
    """Return the time of the last record of the feed from offset `begin` up to `end`, if there is one."""
    begin, length = max(begin, end - FARTHEST), 1
    while begin < end:
        start = max(begin, end - length)
        records = await _read(consumer, partition, start, end)
        times = [record.timestamp for record in records if TEST_MARK not in (record.value or b"")]
        if times:
            return int(times[-1])
        end, length = start, length * GROWTH
    return None


async def _read(
    consumer: AIOKafkaConsumer, partition: TopicPartition, start: int, end: int
) -> list[ConsumerRecord]:
    consumer.assign([partition])
    consumer.seek(partition, start)
    records: list[ConsumerRecord] = []
    while await consumer.position(partition) < end:
        records += (await consumer.getmany(partition, timeout_ms=100)).get(partition, ())
    return [record for record in records if record.offset < end]
