"""A worker that is killed while Kafka does not take the changes of its Tables has acknowledged nothing."""

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import provision_topics, wanted_configuration
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import (
    AGENTS_GROUP,
    EVENTS,
    LAST_SEEN_CHANGELOG,
    RAW,
    TANK_LEVELS_CHANGELOG,
    TWEET_COOLDOWNS_CHANGELOG,
    WATER,
    Topic,
    partition_for,
)
from tests.factories import urination
from tests.pipeline.bot import Bot, has_partitions, health
from tests.pipeline.tank_story import LEVEL, keep_in_kafka, lately, use
from tests.pipeline.worker import START_SECONDS, Worker
from tests.waiting import until

CHANGELOGS = (LAST_SEEN_CHANGELOG, TANK_LEVELS_CHANGELOG, TWEET_COOLDOWNS_CHANGELOG)
SOURCES = (
    TopicPartition(RAW.name, partition_for(TANK_ITEM)),
    TopicPartition(WATER.name, 0),
    TopicPartition(EVENTS.name, 0),
)


@asynccontextmanager
async def refused(kafka_url: str, *topics: Topic) -> AsyncIterator[None]:
    """Let Kafka refuse every record of these topics as too old, for the length of the block."""
    await _set(kafka_url, {topic: {"message.timestamp.before.max.ms": "0"} for topic in topics})
    try:
        yield
    finally:
        await _set(kafka_url, {topic: {} for topic in topics})


async def _set(kafka_url: str, settings: Mapping[Topic, dict[str, str]]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topic.name, wanted_configuration(topic) | more)
                for topic, more in settings.items()
            ]
        )
    finally:
        await admin.close()


async def is_pending(worker: Worker, topic: Topic) -> bool:
    return await worker.metric("iss_agent_outputs_pending", topic=topic.name) > 0


async def says_so(worker: Worker) -> bool:
    agents = (await health(worker))["agents"]
    return not agents["ok"] and "changelog" in agents["detail"]


@pytest.mark.long
async def test_no_use_and_no_cooldown_is_lost_with_a_worker_whose_tables_kafka_did_not_take(
    bot: Bot,
) -> None:
    settings, roles = Settings(kafka_url=bot.kafka_url), {"ISS_ROLES": "agents,archive,web"}
    await provision_topics(settings)
    begin = lately()
    story = use(begin)
    half = [measurement.value for measurement in story].index(str(LEVEL + 2)) + 1
    async with bot.starting(**roles) as worker:
        await until(partial(has_partitions, worker), START_SECONDS)
        async with refused(bot.kafka_url, *CHANGELOGS):
            await keep_in_kafka(bot.kafka_url, story[:half])
            async with AIOKafkaProducer(bootstrap_servers=bot.kafka_url) as producer:
                told = urination(detected_at=begin)
                await producer.send_and_wait(EVENTS.name, encode(told), partition=0)
            for changelog in CHANGELOGS:
                await until(partial(is_pending, worker, changelog), START_SECONDS)
            await until(partial(says_so, worker), START_SECONDS)
            async with open_reader(settings) as reader:
                committed = await reader.committed(AGENTS_GROUP, [RAW, WATER, EVENTS])
            await worker.stop(signal.SIGKILL)

    assert [committed.get(source, 0) for source in SOURCES] == [0, 0, 0]

    async with bot.starting(**roles):
        await keep_in_kafka(bot.kafka_url, story[half:])

        assert await bot.until_decided(2, seconds=START_SECONDS) == ["posted", "suppressed"]

    assert len(bot.x.posts) == 1
    assert bot.events.count_documents({}) == 2
