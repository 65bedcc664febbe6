"""The publisher against a broker of its own, which these tests freeze, kill and start again."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings, load_settings
from iss_agents.feed import producer, publisher
from iss_agents.feed.outbox import HIGH_WATER, PENDING_LIMIT
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Overflow, Publisher
from iss_agents.feed.spool_directory import count_records
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import PUBLISHED
from iss_agents.telemetry.records import decode_invalid
from iss_agents.telemetry.topics import INVALID, RAW
from tests.broker import new_broker
from tests.waiting import until

PARTITIONS = {RAW.name: RAW.partitions, INVALID.name: INVALID.partitions}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    broker = new_broker(tmp_path_factory.mktemp("kafka"))
    start(broker)
    yield broker
    assert broker.program
    request(broker, signal.SIGCONT)
    broker.program.stop()


def start(broker: Kafka) -> None:
    broker.start(jar_folder(load_settings().home)).wait_until(broker.ready)


def request(broker: Kafka, number: signal.Signals) -> None:
    assert broker.program
    broker.program.request(number)


@asynccontextmanager
async def publishing(
    url: str, home: Path, spool_bytes: int = 1 << 30
) -> AsyncIterator[tuple[Publisher, Health]]:
    health = Health()
    publisher = Publisher(Settings(kafka_url=url, home=home, spool_bytes=spool_bytes), health)
    await publisher.start()
    try:
        yield publisher, health
    finally:
        await publisher.stop()


def numbered(name: str, first: int, end: int, padding: str = "") -> list[ProducerRecord]:
    """Records of seven items in turn; their numbers grow."""
    return [
        ProducerRecord(
            RAW.name, number % 7, f"{name}-{number % 7}".encode(), f"{number}{padding}".encode(), 1e9 + number
        )
        for number in range(first, end)
    ]


async def stored(url: str, name: str, topic: str = RAW.name) -> dict[str, list[bytes]]:
    """Return what Kafka holds of this test: item -> values in order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=url, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS.get(topic, 1))]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    found = defaultdict(list)
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=100)).values():
            for record in records:
                if (record.key or b"").startswith(name.encode()):
                    found[record.key.decode()].append(record.value)
    await consumer.stop()
    return dict(found)


def first_seen(values: Sequence[bytes]) -> list[int]:
    """Return the numbers without the repeats that at-least-once delivery may bring."""
    return list(dict.fromkeys(int(value.split()[0]) for value in values))


def complete(found: dict[str, list[bytes]], name: str, end: int) -> bool:
    expected = {f"{name}-{item}": list(range(item, end, 7)) for item in range(7)}
    return {item: first_seen(values) for item, values in found.items()} == expected


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


CHILD = """
import asyncio, sys
from pathlib import Path
from iss_agents.feed.publisher import Publisher
from iss_agents.runtime.health import Health
from iss_agents.config.settings import Settings
from tests.feed.test_publisher import numbered

async def main(url, home, name):
    publisher = Publisher(Settings(kafka_url=url, home=Path(home)), Health())
    await publisher.start()
    for number in range(1_000_000):
        publisher.offer(numbered(name, number, number + 1))
        print(number, flush=True)
        await asyncio.sleep(0.002)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_worker_loses_less_than_a_second_and_the_next_one_publishes_its_spool(
    kafka: Kafka, tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", CHILD, kafka.url, str(tmp_path), "child"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:  # noqa: ASYNC220
        assert child.stdout
        await asyncio.to_thread(_read_until, child.stdout, 500)
        request(kafka, signal.SIGSTOP)
        await until(lambda: count_records(tmp_path) > 500)
        child.kill()
        offered = _last(child.stdout)
    request(kafka, signal.SIGCONT)
    spooled = count_records(tmp_path)
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        assert publisher.spooled == spooled
        assert await publisher.flush(20)

    found = await stored(kafka.url, "child")
    arrived = sum(len(first_seen(values)) for values in found.values())
    assert complete(found, "child", arrived)
    # Once records go to disk, they go there every 50 ms: that is 25 records at 2 ms each.
    assert offered + 1 - arrived < 100
    assert count_records(tmp_path) == 0


@pytest.mark.long
async def test_a_stand_by_publishes_what_a_killed_leader_left_before_anything_of_its_own(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with publishing(kafka.url, tmp_path) as (stand_by, _):
        spooled = await killed_while_kafka_stands_still(kafka, tmp_path, "left")
        await stand_by.recover()
        stand_by.offer(numbered("left", spooled, spooled + 100))
        assert stand_by.spooled_until
        assert stand_by.spooled_until.timestamp() == 1e9 + spooled - 1
        assert await stand_by.flush(20)

    found = await stored(kafka.url, "left")
    assert complete(found, "left", spooled + 100)
    assert all(numbers == sorted(numbers) for numbers in map(first_seen, found.values()))
    assert count_records(tmp_path) == 0


@pytest.mark.long
async def test_what_a_worker_leaves_that_dies_beside_another_is_found_within_a_minute(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RECOVER_SECONDS", 0.1)
    async with publishing(kafka.url, tmp_path):
        spooled = await killed_while_kafka_stands_still(kafka, tmp_path, "found")
        await until(lambda: count_records(tmp_path) == 0)

    assert complete(await stored(kafka.url, "found"), "found", spooled)


async def killed_while_kafka_stands_still(kafka: Kafka, home: Path, name: str) -> int:
    """Return how many records a worker leaves on the disk that is killed."""
    request(kafka, signal.SIGSTOP)
    arguments = [sys.executable, "-c", CHILD, kafka.url, str(home), name]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as child:  # noqa: ASYNC220
        await until(lambda: count_records(home) > 300)
        child.kill()
    spooled = count_records(home)
    request(kafka, signal.SIGCONT)
    return spooled


def _read_until(lines: Iterator[str], number: int) -> None:
    while int(next(lines)) < number:
        pass


def _last(lines: Iterator[str]) -> int:
    return int([line for line in lines if line.endswith("\n")][-1])


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
