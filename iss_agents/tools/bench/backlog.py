"""Readings that wait in the raw topic, so that a stage shows how fast it can be."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from aiokafka import AIOKafkaProducer

from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import ProducerRecord, outgoing_reading
from iss_agents.kafka.clients import client_config
from iss_agents.telemetry.records import new_reading
from iss_agents.telemetry.topics import RAW

BATCH_RECORDS = 6_000
BATCH_BYTES = 262_144


def readings(count: int, item_ids: Iterable[str], seed: int = 1) -> Iterator[ProducerRecord]:
    """Yield records of `count` readings as the feed makes them: the items in turn, each newer than its last."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    now = datetime.now(UTC).replace(microsecond=0)
    began = now - timedelta(milliseconds=count)
    for number, item_id in enumerate(islice(cycle(item_ids), count)):
        yield outgoing_reading(
            new_reading(
                item_id,
                began + timedelta(milliseconds=number),
                f"{draw.uniform(0, 1000):.6f}",
                ingest_ts=now,
                source="simulated",
                status_class="24",
                status_indicator=" ",
                status_color="",
                calibrated_data=f"{draw.uniform(0, 1000):.4f}",
            )
        )


async def fill(settings: Settings, count: int, item_ids: Iterable[str]) -> None:
    """Return when Kafka holds `count` readings of these items more."""
    producer = AIOKafkaProducer(**client_config(settings), max_batch_size=BATCH_BYTES, compression_type="lz4")
    async with producer:
        waiting = readings(count, item_ids)
        while some := list(islice(waiting, BATCH_RECORDS)):
            by_partition: defaultdict[int, list[ProducerRecord]] = defaultdict(list)
            for record in some:
                by_partition[record.partition].append(record)
            for partition, records in by_partition.items():
                await _send(producer, partition, records)
        await producer.flush()


async def _send(producer: AIOKafkaProducer, partition: int, records: list[ProducerRecord]) -> None:
    batch = producer.create_batch()
    for record in records:
        milliseconds = int(record.ingest_ts * 1000)
        if batch.append(key=record.key, value=record.value, timestamp=milliseconds) is None:
            await producer.send_batch(batch, RAW.name, partition=partition)
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=milliseconds)
    await producer.send_batch(batch, RAW.name, partition=partition)
