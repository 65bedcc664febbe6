"""The publisher against a broker of its own, which these tests freeze, kill and start again."""

import asyncio
import random
import signal
from pathlib import Path
from time import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.feed import producer
from iss_agents.feed.outbox import HIGH_WATER, PENDING_LIMIT
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Overflow, Publisher
from iss_agents.feed.spool_directory import count_records
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import PUBLISHED
from iss_agents.telemetry.records import decode_invalid
from iss_agents.telemetry.topics import INVALID, RAW
from tests.feed.publishing import complete, kafka, numbered, publishing, request, start, stored
from tests.waiting import until

__all__ = ["kafka"]


async def test_records_arrive_in_order_with_the_time_of_their_ingest(kafka: Kafka, tmp_path: Path) -> None:
    before = PUBLISHED.labels(RAW.name)._value.get()
    async with publishing(kafka.url, tmp_path) as (publisher, health):
        for at in range(0, 700, 70):
            publisher.offer(numbered("plain", at, at + 70))
        assert await publisher.flush(10)
        assert (publisher.pending, publisher.spooled) == (0, 0)
        assert health.parts["kafka"].ok

    assert await stored(kafka.url, "plain") == {
        f"plain-{item}": [str(number).encode() for number in range(item, 700, 7)] for item in range(7)
    }
    assert PUBLISHED.labels(RAW.name)._value.get() - before == 700
    assert list((tmp_path / "spool").glob("*.sqlite")) == []


async def test_while_kafka_stands_still_records_wait_on_disk_and_follow_in_order(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with publishing(kafka.url, tmp_path) as (publisher, health):
        publisher.offer(numbered("frozen", 0, 1000))
        assert await publisher.flush(10)
        request(kafka, signal.SIGSTOP)
        publisher.offer(numbered("frozen", 1000, 4000))
        await until(lambda: publisher.spooled == 3000)
        publisher.offer(numbered("frozen", 4000, 6000))
        await until(lambda: publisher.spooled == 5000)
        await until(lambda: not health.ok)
        assert "readings wait in the spool; start it or set ISS_KAFKA_URL" in health.parts["kafka"].detail
        assert not await publisher.flush(0.1)
        request(kafka, signal.SIGCONT)
        publisher.offer(numbered("frozen", 6000, 7000))
        assert await publisher.flush(20)
        assert health.ok

    assert complete(await stored(kafka.url, "frozen"), "frozen", 7000)


@pytest.mark.long
async def test_a_killed_broker_costs_nothing(kafka: Kafka, tmp_path: Path) -> None:
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        publisher.offer(numbered("killed", 0, 3000))
        request(kafka, signal.SIGKILL)
        kafka.program.stop()  # type: ignore[union-attr]
        publisher.offer(numbered("killed", 3000, 6000))
        await until(lambda: publisher.pending == 0)
        # Not in a thread: the kernel ends a program together with the thread that started it.
        start(kafka)
        publisher.offer(numbered("killed", 6000, 7000))
        assert await publisher.flush(30)

    assert complete(await stored(kafka.url, "killed"), "killed", 7000)


async def test_without_kafka_at_the_start_the_next_start_publishes(kafka: Kafka, tmp_path: Path) -> None:
    async with publishing(f"127.0.0.1:{free_port()}", tmp_path) as (publisher, _):
        publisher.offer(numbered("away", 0, 2500))
        await until(lambda: publisher.spooled == 2500)
        publisher.offer(numbered("away", 2500, 2600))
    assert count_records(tmp_path) == 2600

    async with publishing(kafka.url, tmp_path) as (publisher, _):
        assert publisher.spooled_until is not None
        assert publisher.spooled_until.timestamp() == 1e9 + 2599
        publisher.offer(numbered("away", 2600, 2800))
        assert await publisher.flush(20)
    assert count_records(tmp_path) == 0
    assert complete(await stored(kafka.url, "away"), "away", 2800)


def rejected() -> float:
    return REGISTRY.get_sample_value("iss_spool_refused_total") or 0.0


async def test_a_full_spool_rejects_the_newest_and_reports_it_once(kafka: Kafka, tmp_path: Path) -> None:
    overflows: list[Overflow] = []
    began = rejected()
    request(kafka, signal.SIGSTOP)
    async with publishing(kafka.url, tmp_path, spool_bytes=1 << 20) as (publisher, _):
        publisher.on_overflow = overflows.append
        end = 0
        while rejected() == began:
            publisher.offer(numbered("full", end, end + 2000, padding=" " * 100))
            end += 2000
            await asyncio.sleep(0.06)
        accepted = publisher.spooled + publisher.pending
        assert publisher.pending == PENDING_LIMIT
        assert publisher.above_high_water
        publisher.offer(numbered("full", end, end + 10))
        assert publisher.spooled + publisher.pending == accepted
        request(kafka, signal.SIGCONT)
        await until(lambda: bool(overflows))
        publisher.offer(numbered("full", accepted, accepted + 100))
        assert await publisher.flush(20)

    assert [overflow.start < overflow.end for overflow in overflows] == [True]
    assert "the spool is full" in overflows[0].reason
    assert complete(await stored(kafka.url, "full"), "full", accepted + 100)


async def test_a_record_that_kafka_refuses_does_not_hold_up_the_others(kafka: Kafka, tmp_path: Path) -> None:
    huge = ProducerRecord(RAW.name, 3, b"huge-3", random.Random(1).randbytes(2_000_000), time())
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        publisher.offer([*numbered("huge", 0, 700), huge, *numbered("huge", 700, 1400)])
        assert await publisher.flush(20)

    assert complete(await stored(kafka.url, "huge"), "huge", 1400)
    ((item, (payload,)),) = (await stored(kafka.url, "huge", INVALID.name)).items()
    invalid = decode_invalid(payload)
    assert (item, invalid.reason, invalid.payload) == ("huge-3", "too_large", huge.value[:1000])


async def test_a_record_from_a_clock_that_was_ahead_is_published_with_the_time_of_now(
    kafka: Kafka, tmp_path: Path
) -> None:
    ahead = [record._replace(ingest_ts=time() + 7200) for record in numbered("ahead", 0, 700)]
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        publisher.offer([*ahead, *numbered("ahead", 700, 1400)])
        assert await publisher.flush(10)

    assert complete(await stored(kafka.url, "ahead"), "ahead", 1400)
    assert await stored(kafka.url, "ahead", INVALID.name) == {}


async def test_a_clock_that_is_ahead_holds_records_until_it_is_corrected(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [record._replace(ingest_ts=0.0) for record in numbered("wrong", 0, 700)]
    async with publishing(kafka.url, tmp_path) as (publisher, health):
        monkeypatch.setattr(producer, "time", lambda: time() + 7200)
        publisher.offer(now)
        await until(lambda: not health.ok)
        assert "is a clock wrong, this machine's or Kafka's?" in health.parts["kafka"].detail
        monkeypatch.setattr(producer, "time", time)
        assert await publisher.flush(20)

    assert complete(await stored(kafka.url, "wrong"), "wrong", 700)
    assert await stored(kafka.url, "wrong", INVALID.name) == {}


async def test_a_record_that_is_too_old_for_its_topic_does_not_hold_up_the_others(
    kafka: Kafka, tmp_path: Path
) -> None:
    topic = "only.new.records"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.url)
    await admin.start()
    limit = {"message.timestamp.before.max.ms": "3600000"}
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=limit)])
    await admin.close()
    old, new = (
        ProducerRecord(topic, 0, b"old-0", value, ingest) for value, ingest in ((b"1", 1e9), (b"2", time()))
    )
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        publisher.offer([old, new])
        assert await publisher.flush(10)

    assert await stored(kafka.url, "old", topic) == {"old-0": [b"2"]}
    ((item, (payload,)),) = (await stored(kafka.url, "old", INVALID.name)).items()
    invalid = decode_invalid(payload)
    assert (item, invalid.reason, invalid.payload) == ("old-0", "refused", b"1")


def test_the_high_water_mark_asks_for_patience(tmp_path: Path) -> None:
    publisher = Publisher(Settings(home=tmp_path), Health())
    publisher.offer(numbered("high", 0, HIGH_WATER - 1))
    assert not publisher.above_high_water
    publisher.offer(numbered("high", HIGH_WATER - 1, HIGH_WATER))

    assert publisher.above_high_water
