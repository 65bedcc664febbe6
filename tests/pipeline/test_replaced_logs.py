"""Commits that do not fit their log, and logs replaced under a running worker: all that is there is read."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pymongo.collection import Collection

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.records import new_reading
from iss_agents.telemetry.topics import (
    AGENTS_GROUP,
    ARCHIVE_GROUP,
    INVALID,
    LAST_SEEN_CHANGELOG,
    RAW,
    Topic,
    partition_for,
)
from tests.archive.kafka import publish
from tests.pipeline.bot import health, shows
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = pytest.mark.long

CABIN = "USLAB000058"
CABIN_LOG = TopicPartition(RAW.name, partition_for(CABIN))
READ_SECONDS = 20
OFFSET_PARTS = {"agents offsets", "archive offsets"}

Readings = Collection[dict[str, Any]]


class Cabin:
    """The readings of one item: each has a number as its value, and comes a second after the one before."""

    def __init__(self, broker: Broker, readings: Readings) -> None:
        self.settings = Settings(kafka_url=broker.url)
        self.sent = 0
        self._readings = readings
        self._begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

    async def send(self, count: int) -> None:
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        now = datetime.now(UTC)
        readings = [
            new_reading(
                CABIN, self._begin + timedelta(seconds=each), str(each), ingest_ts=now, source="simulated"
            )
            for each in numbers
        ]
        async with AIOKafkaProducer(bootstrap_servers=self.settings.brokers) as producer:
            await publish(producer, readings)

    async def until_read(self, worker: Worker) -> None:
        """Wait until the newest reading is shown and all are stored."""
        await until(partial(shows, worker, CABIN, str(self.sent - 1)), READ_SECONDS)
        await until(lambda: self._readings.count_documents({}) == self.sent, READ_SECONDS)


@pytest.fixture
def cabin(broker: Broker, readings: Readings) -> Cabin:
    return Cabin(broker, readings)


@pytest.fixture
def variables(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"ISS_ROLES": "agents,archive,web"}


async def create_again(settings: Settings, topic: str) -> None:
    """Delete a topic and create it; between the two its readers have a moment to notice."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    await admin.delete_topics([topic])

    async def gone() -> bool:
        return topic not in await admin.list_topics()

    await until(gone)
    await admin.close()
    await provision_topics(settings)


async def commit(settings: Settings, group: str, offset: int) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=group, enable_auto_commit=False)
    consumer.assign([CABIN_LOG])
    async with consumer:
        await consumer.commit({CABIN_LOG: offset})


async def remove_records(settings: Settings, partition: TopicPartition) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(-1)})
    await admin.close()


async def resets(worker: Worker) -> set[str]:
    """Return the parts that say that they began again."""
    return {name for name, part in (await health(worker)).items() if name in OFFSET_PARTS and not part["ok"]}


def errors(worker: Worker) -> list[str]:
    return [line for line in worker.log.splitlines() if '"ERROR"' in line and "is read from" in line]


async def test_a_worker_reads_what_lies_before_a_commit_beyond_the_end(
    broker: Broker, cabin: Cabin, variables: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    await provision_topics(cabin.settings)
    await cabin.send(20)
    for group in (AGENTS_GROUP, ARCHIVE_GROUP):
        await commit(cabin.settings, group, 5_020)
    async with AIOKafkaProducer(bootstrap_servers=cabin.settings.brokers) as producer:
        await producer.send_and_wait(INVALID.name, b"{}", partition=0)
    await remove_records(cabin.settings, TopicPartition(INVALID.name, 0))
    async with running(tmp_path / "home", **variables) as worker:
        await until(lambda: worker.status("/healthz"), START_SECONDS)
        await cabin.until_read(worker)

        assert await resets(worker) == OFFSET_PARTS
        assert all("it ends at 20, and 5020 was committed" in line for line in errors(worker))
        assert len(errors(worker)) == len(OFFSET_PARTS)
        await until(lambda: has_lag(worker, 0), READ_SECONDS)
        assert (await health(worker))["watchdog"]["ok"]


async def has_lag(worker: Worker, records: int) -> bool:
    return await worker.metric("iss_consumer_lag") == records


async def test_a_running_worker_reads_a_log_that_was_replaced_by_another_one(
    broker: Broker, cabin: Cabin, variables: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    async with running(tmp_path / "home", **variables) as worker:
        await until(worker.healthy, START_SECONDS)
        await cabin.send(20)
        await cabin.until_read(worker)
        await create_again(cabin.settings, RAW.name)
        await cabin.send(30)
        await cabin.until_read(worker)
        assert await resets(worker) == OFFSET_PARTS

        broker.stop()
        broker.lose(CABIN_LOG)
        broker.start()
        await cabin.send(5)
        await cabin.until_read(worker)
        assert len(errors(worker)) == 2 * len(OFFSET_PARTS)


async def keys_of(settings: Settings, changelog: Topic) -> set[str]:
    """Return the keys of a changelog's records, none while Kafka does not know it."""
    keys: set[str] = set()
    with suppress(UserError):
        async with open_reader(settings) as reader:
            async for records in reader.records(changelog):
                keys |= {json.loads(record.key) for record in records}
    return keys


async def test_a_running_worker_fills_a_changelog_that_was_replaced_again_and_again(
    broker: Broker, cabin: Cabin, variables: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    async with running(tmp_path / "home", **variables) as worker:
        await until(worker.healthy, START_SECONDS)
        await cabin.send(20)
        now = datetime.now(UTC)
        rest = [new_reading(item, now, "1", ingest_ts=now, source="simulated") for item in items()]
        async with AIOKafkaProducer(bootstrap_servers=cabin.settings.brokers) as producer:
            await publish(producer, [reading for reading in rest if reading.item_id != CABIN])
        for _ in range(3):
            await create_again(cabin.settings, LAST_SEEN_CHANGELOG.name)
            await cabin.send(1)
            await until(partial(has_all, cabin.settings), READ_SECONDS)

        assert worker.process
        assert worker.process.poll() is None


async def has_all(settings: Settings) -> bool:
    return await keys_of(settings, LAST_SEEN_CHANGELOG) == set(items())
