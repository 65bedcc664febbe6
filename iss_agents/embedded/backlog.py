"""What Kafka's raw topic says of runs: what an earlier one left unfinished, and what this one put there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_settings import KafkaSettings
from iss_agents.topics import RAW

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

MOST_QUESTIONS = 10
QUESTION_SECONDS = 0.5


class Before(NamedTuple):
    """Readings before a worker starts: how many the archive has yet to store, how many Kafka was ever given."""

    unfinished: int
    published: int


async def before(kafka_url: str, home: Path, group: str) -> Before:
    """Count the readings that wait for `group` in Kafka or in a spool under `home`, and those ever in Kafka.

    Ask after Kafka is up and before a worker starts.
    """
    from iss_agents.feed.takeover import waiting_for  # noqa: PLC0415 - the embedded programs start without it

    spooled = waiting_for(RAW.name, home)
    async with _raw_topic(kafka_url, group) as (consumer, partitions):
        ends = await consumer.end_offsets(partitions)
        beginnings = await consumer.beginning_offsets(partitions)
        committed = await _committed(consumer, [each for each in partitions if ends[each]])
    # A group that has not committed starts at earliest; retention may have passed one that has.
    behind = sum(ends[each] - max(committed.get(each, 0), beginnings[each]) for each in partitions)
    return Before(behind + spooled, sum(ends.values()))


async def _committed(
    consumer: "AIOKafkaConsumer", partitions: Sequence["TopicPartition"]
) -> dict["TopicPartition", int]:
    # A broker that has just started may know nothing yet of some partitions that have a commit (seen twice).
    for _ in range(MOST_QUESTIONS):
        answers = {each: await consumer.committed(each) for each in partitions}
        known = {each: offset for each, offset in answers.items() if offset is not None}
        if len(known) == len(partitions):
            break
        await asyncio.sleep(QUESTION_SECONDS)
    return known


async def published(kafka_url: str, seconds: float) -> int:
    """Return how many readings Kafka was ever given.

    Raises:
        KafkaError, TimeoutError: Kafka does not answer within `seconds`.
    """
    async with asyncio.timeout(seconds), _raw_topic(kafka_url) as (consumer, partitions):
        return sum((await consumer.end_offsets(partitions)).values())


@asynccontextmanager
async def _raw_topic(
    kafka_url: str, group: str | None = None
) -> AsyncIterator[tuple["AIOKafkaConsumer", list["TopicPartition"]]]:
    from aiokafka import AIOKafkaConsumer, TopicPartition  # noqa: PLC0415 - slow to import

    # The embedded Kafka knows no users, whatever the environment says of another one.
    settings = KafkaSettings.model_construct(kafka_url=kafka_url)
    consumer = AIOKafkaConsumer(**kafka_access(settings), group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        exists = RAW.name in await consumer.topics()
        yield consumer, [TopicPartition(RAW.name, number) for number in range(RAW.partitions) if exists]
    finally:
        await consumer.stop()
