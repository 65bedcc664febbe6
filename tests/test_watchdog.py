"""What stalls ends the process in time; what waits does not."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from iss_agents import watchdog as module
from iss_agents.health import Health
from iss_agents.offsets import Behind
from iss_agents.settings import Settings
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import Topic
from iss_agents.watchdog import Patience, Stalls, Watchdog, Watched

PATIENCE = Patience(says=30.0, ends=300.0)
HOUR = 3600.0


class Ended(Exception):  # noqa: N818 - what giving up would be
    """The process would have ended."""


class Part:
    """A part whose words a test changes."""

    words = ""

    def stalls(self, behind: Behind) -> Stalls:
        return {f"{self.words} {sorted(behind.items())}": PATIENCE} if behind else {}


@pytest.fixture
def topic() -> Topic:
    return Topic(f"watched-{uuid4().hex[:8]}", partitions=2)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
async def watchdog(
    kafka_url: str, topic: Topic, health: Health, part: Part, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Watchdog]:
    """A watchdog of a group that has committed one of the two records in partition 1."""

    def end(reason: str, *details: object) -> None:
        raise Ended(reason % details)

    monkeypatch.setattr(module, "give_up", end)
    await ensure_topics(Settings(kafka_url=kafka_url), [topic])
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        for _ in range(2):
            await producer.send_and_wait(topic.name, b"x", partition=1)
    await commit(kafka_url, topic, 1)
    watching = Watchdog(Settings(kafka_url=kafka_url), health)
    watching.watch(Watched(topic.name, (topic,), part.stalls))
    yield watching
    await watching.on_stop()


async def commit(kafka_url: str, topic: Topic, offset: int) -> None:
    tp = TopicPartition(topic.name, 1)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=topic.name, enable_auto_commit=False)
    consumer.assign([tp])
    async with consumer:
        await consumer.commit({tp: offset})


async def test_a_part_that_does_not_get_on_is_said_and_then_ends_the_process(
    watchdog: Watchdog, topic: Topic, health: Health, part: Part
) -> None:
    part.words = "stays"
    await watchdog.look(0.0)
    assert health.parts["watchdog"].ok
    await watchdog.look(31.0)
    assert health.parts["watchdog"].detail == (
        f"no progress: stays [(TopicPartition(topic='{topic.name}', partition=1), 1)]"
    )
    assert not health.parts["watchdog"].ok

    with pytest.raises(Ended, match=r"^no progress for 301 s: stays "):
        await watchdog.look(301.0)


async def test_any_progress_and_any_failed_attempt_begins_the_time_anew(
    watchdog: Watchdog, health: Health, part: Part
) -> None:
    for attempt in range(100):
        part.words = f"{attempt} attempts failed"
        await watchdog.look(attempt * 29.0)

    assert health.ok


async def test_a_group_that_has_committed_everything_never_stalls(
    watchdog: Watchdog, kafka_url: str, topic: Topic, health: Health, part: Part
) -> None:
    part.words = "stays"
    await watchdog.look(0.0)
    await watchdog.look(100.0)
    assert not health.ok
    await commit(kafka_url, topic, 2)
    await watchdog.look(299.0)
    await watchdog.look(HOUR)

    assert health.ok


async def test_nothing_stalls_while_kafka_is_away(health: Health) -> None:
    gone = Watchdog(Settings(kafka_url="127.0.0.1:1"), health)
    gone.watch(Watched("group", (Topic("any", 1),), lambda _: {"stays": PATIENCE}))
    for seconds in range(0, 1000, 100):
        await gone.look(float(seconds))
    await gone.on_stop()

    assert health.ok
