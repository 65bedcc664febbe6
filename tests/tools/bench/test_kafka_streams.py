"""Kafka Streams as a contender: it keeps the readings that `keep_last_seen` keeps."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.agents.last_value import fold
from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.kafka.clients import client_config
from iss_agents.kafka.reader import open_reader
from iss_agents.local_stack import jars
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.telemetry.topics import RAW, Topic
from iss_agents.tools.bench.backlog import readings
from iss_agents.tools.bench.cost import WARM
from iss_agents.tools.bench.kafka_streams_runner import LOCK, run_kafka_streams
from iss_agents.tools.testbed.bench_stack import running_stack
from tests.factories import reading_of

CHANGELOG = Topic("kafka-streams-last_seen-changelog", RAW.partitions, cleanup_policy="compact")


class Seen(msgspec.Struct):
    """A value of the Table `last_seen`."""

    sequence: int
    event_ids: list[str]
    reading: Reading


def test_kafka_streams_has_the_version_of_the_broker() -> None:
    streams = jars.locked_jars(LOCK)[0].coordinate

    assert streams.rpartition(":")[2] == jars.KAFKA.rpartition(":")[2]


@pytest.mark.long
async def test_kafka_streams_keeps_the_newest_reading_of_each_item() -> None:
    sent = [*(decode_reading(record.value) for record in readings(1000, items())), *unusual()]

    async with running_stack(keeping=False) as stack:
        await send(stack.settings, sent)
        figures = await run_kafka_streams(stack.kafka.url, len(sent))
        kept = await last_changes(stack.settings)

    assert kept == {series: msgspec.convert(seen, Seen) for series, seen in fold(sent, {}).changed.items()}
    assert figures["count"] == len(sent) - int(len(sent) * WARM)
    assert figures["processor"] > 0


def unusual() -> Iterator[Reading]:
    """Yield readings of which the newest is not the last, or not by its time alone."""
    now = datetime.now(UTC).replace(microsecond=0)
    earlier, later, ahead = (now + timedelta(minutes=minutes) for minutes in (-1, 1, 60))
    yield from [reading_of("OLDER", "1", now), reading_of("OLDER", "2", earlier)]
    yield from [reading_of("ONE_INSTANT", value, now) for value in ("1", "2", "1")]
    yield from [reading_of("MANY_AT_ONCE", str(value), now) for value in range(70)]
    yield from [reading_of("SUSPECT", "1", now), reading_of("SUSPECT", "0", later, suspect="zero_burst")]
    yield from [reading_of("TESTED", "1", now), reading_of("TESTED", "2", later, source="test")]
    yield from [reading_of("OTHER_FEED", "1", now), reading_of("OTHER_FEED", "2", earlier, source="isslive")]
    yield from [reading_of("CLOCK_AHEAD", "1", ahead), reading_of("CLOCK_AHEAD", "2", now)]
    yield reading_of("ONLY_SUSPECT", "0", now, suspect="frozen")


async def send(settings: Settings, sent: Iterable[Reading]) -> None:
    """Write readings to the raw topic, in this order."""
    async with AIOKafkaProducer(**client_config(settings)) as producer:
        for record in map(outgoing_reading, sent):
            await producer.send(record.topic, record.value, record.key, record.partition)


async def last_changes(settings: Settings) -> dict[str, Seen]:
    """Return the last value of each series in the changelog."""
    async with open_reader(settings) as reader:
        changes = [record async for records in reader.records(CHANGELOG) for record in records]
    return {record.key.decode(): msgspec.json.decode(record.value, type=Seen) for record in changes}
