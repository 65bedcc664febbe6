"""The agents' consumer asks Kafka seldom while nothing comes, and takes at once what does."""

import asyncio
from time import monotonic
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.streaming.consumer import Transport
from iss_agents.streaming.fetching import FETCH_MAX_WAIT_MS
from iss_agents.telemetry.topics import Topic
from tests.kafka.requests import requests_to_kafka

IDLE_SECONDS = 1.0
SLACK = 2
"""The fetch in flight, and one while the position becomes known."""


async def topic(kafka_url: str, name: str) -> TopicPartition:
    """The one partition of a new topic."""
    await provision_topics(Settings(kafka_url=kafka_url), [Topic(name, partitions=1)])
    return TopicPartition(name, 0)


async def connected(kafka_url: str, partition: TopicPartition) -> AIOKafkaConsumer:
    """The consumer that a worker has, at the beginning of a partition."""
    app = faust.App("fetching", broker=f"kafka://{kafka_url}", store="memory://")
    app.transport = Transport(app.conf.broker_consumer, app)
    owner: Any = app.consumer
    thread = owner._new_consumer_thread()
    consumer = thread._create_worker_consumer(app.transport)
    thread.thread_loop.close()
    owner._thread.thread_loop.close()
    await consumer.start()
    consumer.assign([partition])
    consumer.seek(partition, 0)
    return consumer


async def test_kafka_is_asked_seldom_while_nothing_comes(
    kafka_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = await connected(kafka_url, await topic(kafka_url, "idle"))
    try:
        requests, began = requests_to_kafka(monkeypatch), monotonic()
        await consumer.getmany(timeout_ms=int(IDLE_SECONDS * 1000))
    finally:
        await consumer.stop()

    assert 0 < requests["FetchRequest"] <= (monotonic() - began) * 1000 / FETCH_MAX_WAIT_MS + SLACK


async def test_a_single_record_comes_without_waiting_for_others(kafka_url: str) -> None:
    partition = await topic(kafka_url, "single")
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        consumer = await connected(kafka_url, partition)
        consumer._fetcher._fetch_max_wait_ms = 60_000
        try:
            await producer.send_and_wait(partition.topic, b"drop", partition=0)
            async with asyncio.timeout(30):
                records = await consumer.getmany(timeout_ms=60_000)
        finally:
            await consumer.stop()

    assert [record.value for record in records[partition]] == [b"drop"]
