"""What Kafka itself says of a group reaches its reader, the metrics and the watchdog."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from iss_agents.config.settings import Settings
from iss_agents.kafka.group_monitor import GroupMonitor
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import Log as Bounds
from iss_agents.kafka.offsets import PartitionPositions, Start
from iss_agents.kafka.seen_records import SeenRecords
from iss_agents.runtime.health import Health
from iss_agents.telemetry.topics import Topic
from iss_agents.watchdogs.stalls import THRESHOLDS, Stalls, Watchdog
from tests.kafka.logs import Log, log_of_three


class Reader:
    """A reader of one log that does nothing but take down what it is told."""

    def __init__(self, log: Log) -> None:
        self.group = log.group
        self.topics = (Topic(log.tp.topic, 1),)
        self.seen = SeenRecords()
        self.resets = OffsetResets(Health(), "reader")
        self.replaced: set[TopicPartition] = set()
        self._owned = [log.tp]

    def owned(self) -> Collection[TopicPartition]:
        return self._owned

    def stalls(self, positions: PartitionPositions) -> Stalls:
        return {f"stays at {each.next_offset}": THRESHOLDS for each in positions.values() if each.lag}

    def read_again(self, partitions: Collection[TopicPartition]) -> None:
        self.replaced = set(partitions)


@pytest.fixture
async def log(kafka_url: str) -> AsyncIterator[Log]:
    async with log_of_three(kafka_url) as log:
        yield log


@pytest.fixture
def reader(log: Log) -> Reader:
    return Reader(log)


@pytest.fixture
async def monitor(kafka_url: str, reader: Reader) -> AsyncIterator[GroupMonitor]:
    looking = GroupMonitor(Settings(kafka_url=kafka_url), Watchdog(Health()))
    looking.add(reader)
    yield looking
    await looking.on_stop()


def lag(log: Log) -> float | None:
    labels = {"group": log.group, "topic": log.tp.topic, "partition": "0"}
    return REGISTRY.get_sample_value("iss_consumer_lag", labels)


async def see(log: Log, reader: Reader, count: int) -> None:
    """Let the reader see the first records."""
    for record in await log.fetch(count):
        reader.seen.add(log.tp, record)


async def test_what_is_committed_is_no_lag_and_no_stall(log: Log, monitor: GroupMonitor) -> None:
    await log.commit(2)
    assert (await monitor.poll(), lag(log)) == ({"stays at 2": THRESHOLDS}, 1)
    await log.commit(3)

    assert (await monitor.poll(), lag(log)) == ({}, 0)


@pytest.mark.parametrize("committed", [None, 1])
async def test_an_emptied_log_is_no_lag_and_no_stall(
    log: Log, monitor: GroupMonitor, reader: Reader, committed: int | None
) -> None:
    if committed:
        await log.commit(committed)
    await log.remove(-1)

    assert (await monitor.poll(), lag(log), reader.replaced) == ({}, 0, set())


async def test_a_commit_beyond_the_end_hides_no_lag_and_the_log_is_read_again(
    log: Log, monitor: GroupMonitor, reader: Reader
) -> None:
    await log.commit(5_003)

    assert (await monitor.poll(), lag(log)) == ({"stays at 0": THRESHOLDS}, 3)
    assert reader.replaced == {log.tp}


@pytest.mark.parametrize("records", [0, 2, 3, 9])
async def test_a_topic_that_was_created_again_under_its_reader_is_read_again(
    log: Log, monitor: GroupMonitor, reader: Reader, records: int
) -> None:
    await see(log, reader, 3)
    await log.read(3)
    await monitor.poll()
    assert reader.replaced == set()
    await log.create_again()
    await log.send(*(f"new {number}" for number in range(records)))
    await log.commit(records)  # the reader went on at its position as if nothing had happened
    await monitor.poll()

    assert reader.replaced == {log.tp}


async def test_records_that_retention_removed_do_not_make_another_log(
    log: Log, monitor: GroupMonitor, reader: Reader
) -> None:
    await see(log, reader, 1)
    await log.remove(2)
    await monitor.poll()

    assert reader.replaced == set()


def meanwhile(
    monitor: GroupMonitor, monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[None]]
) -> None:
    """Have `work` done each time a poll has asked for the bounds of the logs."""
    logs = monitor._offsets.logs

    async def logs_and_work(partitions: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        bounds = await logs(partitions)
        await work()
        return bounds

    monkeypatch.setattr(monitor._offsets, "logs", logs_and_work)


async def test_a_first_record_that_arrives_during_a_poll_makes_no_other_log(
    log: Log, monitor: GroupMonitor, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_one_more() -> None:
        await log.send("new")
        reader.seen.add(log.tp, (await log.fetch(4))[-1])

    meanwhile(monitor, monkeypatch, read_one_more)
    await monitor.poll()
    assert reader.replaced == set()
    monkeypatch.undo()
    await log.create_again()
    await monitor.poll()

    assert reader.replaced == {log.tp}


async def test_a_log_that_is_read_anew_during_a_poll_is_not_read_anew_once_more(
    log: Log, monitor: GroupMonitor, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begin_anew() -> None:
        await log.commit(0)
        reader.seen.begin({log.tp: Start(0, "it was replaced", log_replaced=True)})

    await log.commit(5_003)
    meanwhile(monitor, monkeypatch, begin_anew)
    await monitor.poll()

    assert reader.replaced == set()


async def test_partitions_of_others_are_theirs(log: Log, monitor: GroupMonitor, reader: Reader) -> None:
    reader._owned = []
    await log.commit(5_003)

    assert (await monitor.poll(), lag(log), reader.replaced) == ({}, None, set())


async def test_nothing_stalls_while_kafka_is_away(reader: Reader) -> None:
    monitor = GroupMonitor(Settings(kafka_url="127.0.0.1:1"), Watchdog(Health()))
    monitor.add(reader)

    assert await monitor.poll() == {}
