"""Publisher over a broker that can be stopped, and what Kafka has of its records."""

import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from iss_agents.config.settings import Settings, load_settings
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Publisher
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import INVALID, RAW
from tests.broker import new_broker

PARTITIONS = {RAW.name: RAW.partitions, INVALID.name: INVALID.partitions}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    broker = new_broker(tmp_path_factory.mktemp("kafka"))
    start(broker)
    yield broker
    assert broker.program
    request(broker, signal.SIGCONT)
    broker.program.stop()


def start(broker: Kafka) -> None:
    broker.start(jar_folder(load_settings().home)).wait_until(broker.ready)


def request(broker: Kafka, number: signal.Signals) -> None:
    assert broker.program
    broker.program.request(number)


@asynccontextmanager
async def publishing(
    url: str, home: Path, spool_bytes: int = 1 << 30
) -> AsyncIterator[tuple[Publisher, Health]]:
    health = Health()
    publisher = Publisher(Settings(kafka_url=url, home=home, spool_bytes=spool_bytes), health)
    await publisher.start()
    try:
        yield publisher, health
    finally:
        await publisher.stop()


def numbered(name: str, first: int, end: int, padding: str = "") -> list[ProducerRecord]:
    """Records of seven items in turn; their numbers grow."""
    return [
        ProducerRecord(
            RAW.name, number % 7, f"{name}-{number % 7}".encode(), f"{number}{padding}".encode(), 1e9 + number
        )
        for number in range(first, end)
    ]


async def stored(url: str, name: str, topic: str = RAW.name) -> dict[str, list[bytes]]:
    """Return what Kafka holds of this test: item -> values in order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=url, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS.get(topic, 1))]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    found = defaultdict(list)
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=100)).values():
            for record in records:
                if (record.key or b"").startswith(name.encode()):
                    found[record.key.decode()].append(record.value)
    await consumer.stop()
    return dict(found)


def first_seen(values: Sequence[bytes]) -> list[int]:
    """Return the numbers without the repeats that at-least-once delivery may bring."""
    return list(dict.fromkeys(int(value.split()[0]) for value in values))


def complete(found: dict[str, list[bytes]], name: str, end: int) -> bool:
    expected = {f"{name}-{item}": list(range(item, end, 7)) for item in range(7)}
    return {item: first_seen(values) for item, values in found.items()} == expected
