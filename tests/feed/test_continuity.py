from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from iss_agents.embedded.place import free_port
from iss_agents.feed.continuity import find_restart_gap, last_published, newest_before, restart_gap
from iss_agents.feed.gaps import new_gap
from iss_agents.settings import Settings
from iss_agents.shard import Shard
from iss_agents.topic_check import ensure_topics
from iss_agents.topics import RAW

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


async def publish(url: str, times: dict[int, datetime]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=url)
    await producer.start()
    for partition, instant in times.items():
        milliseconds = int(instant.timestamp() * 1000)
        await producer.send_and_wait(RAW.name, b"{}", b"continuity", partition, milliseconds)
    await producer.stop()


async def test_the_newest_record_before_our_first_one_counts_whatever_its_partition(kafka_url: str) -> None:
    await ensure_topics(Settings(kafka_url=kafka_url))
    # Years that no other test publishes in, each partition in the order of time.
    old = {0: datetime(2001, 1, 1, tzinfo=UTC), 4: datetime(2001, 1, 3, tzinfo=UTC)}
    old |= {9: datetime(2001, 1, 2, tzinfo=UTC)}
    first = datetime(2001, 1, 4, tzinfo=UTC)
    await publish(kafka_url, old)
    await publish(kafka_url, dict.fromkeys(range(RAW.partitions), first))

    settings = Settings(kafka_url=kafka_url)
    assert await newest_before(settings, first) == old[4]
    assert await newest_before(settings, BEFORE_EVERYTHING) is None
    assert await find_restart_gap(settings, first, "test") == restart_gap(old[4], first, "test")
    spooled_until = first - timedelta(seconds=30)
    assert await find_restart_gap(settings, first, "test", spooled_until) == restart_gap(
        spooled_until, first, "test"
    )
    assert (await last_published(settings) or BEFORE_EVERYTHING) >= first

    shard = Shard(2, 2)
    sharded = settings.model_copy(update={"feed_shard": shard})
    assert await find_restart_gap(sharded, first, "test") == restart_gap(old[9], first, "test", shard)


async def test_no_kafka_is_no_answer() -> None:
    assert await last_published(Settings(kafka_url=f"127.0.0.1:{free_port()}")) is None
