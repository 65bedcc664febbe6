from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.config.settings import Settings
from iss_agents.feed import restart_gap as module
from iss_agents.feed.gap_detection import new_gap
from iss_agents.feed.restart_gap import find_restart_gap, newest_ingest_before, restart_gap
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import RAW, Topic
from tests.factories import reading_of
from tests.waiting import PATIENCE_SECONDS

FIRST = datetime(2026, 8, 11, 12, tzinfo=UTC)
BEFORE_EVERYTHING = datetime(1999, 1, 1, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return FIRST - timedelta(seconds=seconds)


def test_a_pause_of_more_than_two_seconds_is_a_gap_up_to_the_first_reading() -> None:
    assert restart_gap(ago(90), FIRST, "test") == new_gap(
        "restart", ago(90), end=FIRST, detail="no worker ran the feed", source="test"
    )
    assert restart_gap(ago(2.001), FIRST, "test") is not None


@pytest.mark.parametrize("last", [None, ago(2), ago(0), ago(-5)])
def test_no_pause_is_no_gap(last: datetime | None) -> None:
    assert restart_gap(last, FIRST, "test") is None


@pytest.fixture
async def raw(kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> Topic:
    """A raw topic of one test: its records are the only ones, in the order of time, and do not expire."""
    own = replace(RAW, name=f"raw.{uuid4().hex}", retention_ms=-1)
    monkeypatch.setattr(module, "RAW", own)
    monkeypatch.setattr(module, "ANSWER_SECONDS", PATIENCE_SECONDS)
    await provision_topics(Settings(kafka_url=kafka_url), [own])
    return own


async def publish(url: str, topic: Topic, times: dict[int, datetime], value: bytes = b"{}") -> None:
    async with AIOKafkaProducer(bootstrap_servers=url) as producer:
        for partition, instant in times.items():
            milliseconds = int(instant.timestamp() * 1000)
            await producer.send_and_wait(topic.name, value, b"continuity", partition, milliseconds)


async def test_the_newest_record_before_our_first_one_counts_whatever_its_partition(
    kafka_url: str, raw: Topic
) -> None:
    old = {0: datetime(2001, 1, 1, tzinfo=UTC), 4: datetime(2001, 1, 3, tzinfo=UTC)}
    old |= {9: datetime(2001, 1, 2, tzinfo=UTC)}
    first = datetime(2001, 1, 4, tzinfo=UTC)
    await publish(kafka_url, raw, old)
    await publish(kafka_url, raw, dict.fromkeys(range(raw.partitions), first))

    settings = Settings(kafka_url=kafka_url)
    assert await newest_ingest_before(settings, first) == old[4]
    assert await newest_ingest_before(settings, BEFORE_EVERYTHING) is None
    assert await find_restart_gap(settings, first, "test") == restart_gap(old[4], first, "test")
    spooled_until = first - timedelta(seconds=30)
    assert await find_restart_gap(settings, first, "test", spooled_until) == restart_gap(
        spooled_until, first, "test"
    )

    shard = Shard(2, 2)
    sharded = settings.model_copy(update={"feed_shard": shard})
    assert await find_restart_gap(sharded, first, "test") == restart_gap(old[9], first, "test", shard)


async def test_test_readings_make_no_gap_shorter(kafka_url: str, raw: Topic) -> None:
    last, first = datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 1, 2, tzinfo=UTC)
    tried = encode(reading_of("NODE3000005", '{"source":"isslive"}', source="test"))
    quoted = encode(reading_of("NODE3000005", '{"source":"test"}', source="isslive"))
    await publish(kafka_url, raw, {3: last}, quoted)
    for minute in range(12):
        await publish(kafka_url, raw, dict.fromkeys((3, 5), last + timedelta(minutes=minute)), tried)

    settings = Settings(kafka_url=kafka_url)
    assert await newest_ingest_before(settings, first) == last
