"""What Kafka keeps of a changelog."""

from time import time

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import COMPACTION_LAG_MS, provision_topics
from iss_agents.telemetry.topics import Topic
from tests.waiting import until

CHANGELOG = Topic("compacted", partitions=1, cleanup_policy="compact")
ITEMS = 30

CHANGES = 250
"""Changes of each item: 3.8 MiB, of which all but the newest segment is compacted."""

CLEANER_SECONDS = 90.0
"""Kafka looks every 15 s for what is to be compacted."""


def changes(number: int) -> dict[bytes, bytes]:
    """Return key -> a change of it, of the size of a real one."""
    return {b"%d" % item: b"%d %d" % (item, number) + b"x" * 500 for item in range(ITEMS)}


@pytest.mark.long
async def test_a_changelog_is_compacted_soon_so_that_a_start_takes_seconds_for_ever(kafka_url: str) -> None:
    settings = Settings(kafka_url=kafka_url)
    await provision_topics(settings, [CHANGELOG])
    written_at = int(time() * 1000) - COMPACTION_LAG_MS
    async with AIOKafkaProducer(bootstrap_servers=kafka_url, linger_ms=5) as producer:
        for number in range(CHANGES):
            for key, value in changes(number).items():
                await producer.send(CHANGELOG.name, value, key, partition=0, timestamp_ms=written_at)

    async def kept() -> set[bytes]:
        async with open_reader(settings) as reader:
            return {record.value async for records in reader.records(CHANGELOG) for record in records}

    async def compacted() -> bool:
        return not (await kept()).intersection(changes(0).values())

    await until(compacted, CLEANER_SECONDS)
    assert set(changes(CHANGES - 1).values()) <= await kept()
