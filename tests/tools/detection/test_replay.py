from datetime import datetime, timedelta
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from iss_agents.config.settings import Settings
from iss_agents.detection.events import REPLAYED, Event
from iss_agents.errors import UserError
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import EVENTS
from iss_agents.tools.detection.replay import TANK_PARTITION, replay
from tests.detection.factory import events_of
from tests.pipeline.tank_story import LEVEL, PERCENT, USE_SECONDS, keep_in_kafka, lately, readings, uses

STORY = timedelta(seconds=USE_SECONDS)
EVENTS_PARTITION = TopicPartition(EVENTS.name, 0)


DAYS_AGO = timedelta(days=3)
"""Long ago for what other tests put into the same Kafka."""

hours = count()


@pytest.fixture
async def begin(kafka_url: str) -> datetime:
    """When, days ago, the first of two uses in Kafka's history began: an hour later for each test."""
    await provision_topics(Settings(kafka_url=kafka_url))
    begin = lately() - DAYS_AGO + timedelta(hours=next(hours))
    await keep_in_kafka(kafka_url, uses(begin, 2))
    return begin


async def found(kafka_url: str, start: datetime, end: datetime, *, publish: bool = False) -> list[Event]:
    settings = Settings(kafka_url=kafka_url)
    return [event async for event in replay(settings, start, end, publish=publish)]


async def test_a_replay_finds_the_uses_of_its_span(kafka_url: str, begin: datetime) -> None:
    both = await found(kafka_url, begin, begin + 3 * STORY)
    first = await found(kafka_url, begin, begin + STORY)
    second = await found(kafka_url, begin + STORY, begin + 3 * STORY)

    assert [event.level_before for event in both] == [LEVEL, LEVEL + PERCENT]
    assert [event.level_before for event in first] == [LEVEL]
    assert [event.level_before for event in second] == [LEVEL + PERCENT]


async def test_a_replay_says_what_the_detector_said_at_the_time(kafka_url: str, begin: datetime) -> None:
    assert await found(kafka_url, begin, begin + 3 * STORY) == events_of(readings(uses(begin, 2)))


async def test_a_replay_follows_tests_apart(kafka_url: str, begin: datetime) -> None:
    await keep_in_kafka(kafka_url, uses(begin, 1), "test")
    replayed = await found(kafka_url, begin, begin + 3 * STORY)

    assert [event for event in replayed if event.source == "isslive"] == events_of(readings(uses(begin, 2)))
    assert [event for event in replayed if event.source == "test"] == events_of(
        readings(uses(begin, 1), "test")
    )


async def test_a_replay_passes_over_what_is_no_reading(kafka_url: str, begin: datetime) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        time = milliseconds(begin + STORY)
        await producer.send_and_wait(*TANK_PARTITION[:1], b"poison", None, TANK_PARTITION.partition, time)

    assert len(await found(kafka_url, begin, begin + 3 * STORY)) == 2


async def test_a_replay_publishes_only_if_asked_and_marks_what_it_publishes(
    kafka_url: str, begin: datetime
) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url) as consumer:
        consumer.assign([EVENTS_PARTITION])
        await consumer.seek_to_end(EVENTS_PARTITION)
        before = await consumer.position(EVENTS_PARTITION)
        await found(kafka_url, begin, begin + 3 * STORY)
        events = await found(kafka_url, begin, begin + 3 * STORY, publish=True)
        records = [await consumer.getone() for _ in events]

    assert [record.offset for record in records] == [before, before + 1]
    assert [record.value for record in records] == [encode(event) for event in events]
    assert {record.headers for record in records} == {((REPLAYED, b"1"),)}


async def test_a_replay_without_kafka_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"start it or set ISS_KAFKA_URL\.$"):
        await found(f"127.0.0.1:{free_port()}", lately(), lately(0))
