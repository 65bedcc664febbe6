"""A fetch of the agents' consumer waits at Kafka for records to come together, and never longer than it may."""

import asyncio
from time import monotonic
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.streaming.consumer import Transport
from iss_agents.streaming.fetching import FETCH_MAX_WAIT_MS, FETCH_MIN_BYTES
from iss_agents.telemetry.topics import Topic

TRICKLE = 100
SLACK = 2


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


async def test_records_that_trickle_in_come_together(kafka_url: str) -> None:
    partition, fetches, came = await topic(kafka_url, "trickle"), 0, 0
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        consumer = await connected(kafka_url, partition)
        began = monotonic()
        trickling = asyncio.create_task(trickle(producer, partition))
        try:
            while came < TRICKLE:
                records = await consumer.getmany(timeout_ms=1000)
                fetches += bool(records)
                came += sum(map(len, records.values()))
        finally:
            await trickling
            await consumer.stop()

    assert fetches <= (monotonic() - began) * 1000 / FETCH_MAX_WAIT_MS + SLACK


async def test_a_backlog_is_fetched_at_once(kafka_url: str) -> None:
    partition = await topic(kafka_url, "backlog")
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        consumer = await connected(kafka_url, partition)
        consumer._fetcher._fetch_max_wait_ms = 60_000
        try:
            await producer.send_and_wait(partition.topic, bytes(FETCH_MIN_BYTES), partition=0)
            async with asyncio.timeout(30):
                records = await consumer.getmany(timeout_ms=60_000)
        finally:
            await consumer.stop()

    assert [len(record.value) for record in records[partition]] == [FETCH_MIN_BYTES]


async def trickle(producer: AIOKafkaProducer, partition: TopicPartition) -> None:
    for _ in range(TRICKLE):
        await producer.send_and_wait(partition.topic, b"drop", partition=0)
        await asyncio.sleep(0.002)
