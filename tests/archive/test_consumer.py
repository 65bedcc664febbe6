"""What the archive knows of what it has read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError
from prometheus_client import REGISTRY

from iss_agents.archive.consumer import AIM_SECONDS, LARGEST, SMALLEST, ArchiveConsumer, BatchSize
from iss_agents.config.settings import Settings
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import Start
from iss_agents.runtime.health import Health
from iss_agents.telemetry.codec import Headers
from iss_agents.telemetry.topics import RAW, partition_for
from tests.archive.kafka import numbered_readings, publish


def learnt(*seconds_of_each: float) -> list[int]:
    """The sizes that follow from full batches whose records took so long each."""
    size = BatchSize()
    sizes = []
    for seconds in seconds_of_each:
        size.adapt(size.records, size.records * seconds)
        sizes.append(size.records)
    return sizes


def test_a_quick_database_gets_larger_batches_step_by_step() -> None:
    assert learnt(10e-6, 10e-6, 10e-6) == [2 * SMALLEST, LARGEST, LARGEST]


def test_a_batch_is_what_the_database_takes_in_a_quarter_of_a_second() -> None:
    assert learnt(AIM_SECONDS / 800) == [800]


def test_a_slow_database_gets_the_smallest_at_once() -> None:
    assert learnt(10e-6, 10e-6, 1.0) == [2 * SMALLEST, LARGEST, SMALLEST]


def test_a_batch_that_was_not_full_says_nothing() -> None:
    size = BatchSize()
    size.adapt(SMALLEST - 1, 0.001)

    assert size.records == SMALLEST


@dataclass
class Record:
    """A record on the raw topic."""

    partition: int
    offset: int
    topic: str = RAW.name
    timestamp: int = 0
    value: bytes | None = None
    headers: Headers = ()


def counted() -> float:
    return REGISTRY.get_sample_value("iss_archive_reread_total", {"topic": RAW.name}) or 0.0


def test_only_records_that_were_stored_before_are_read_again() -> None:
    intake, before = ArchiveConsumer(Settings(), OffsetResets(Health(), "archive offsets")), counted()

    intake.count_rereads([Record(0, 7), Record(0, 8), Record(1, 3)])
    assert counted() == before

    intake.count_rereads([Record(0, 8), Record(0, 9), Record(1, 4), Record(2, 3)])
    assert counted() == before + 1

    intake.count_rereads([Record(0, 7), Record(0, 8), Record(0, 9), Record(0, 10)])
    assert counted() == before + 4


async def test_of_a_backlog_each_partition_has_its_turn(settings: Settings, producer: AIOKafkaProducer) -> None:
    items = ["NODE3000005", "USLAB000058"]
    partitions = [TopicPartition(RAW.name, partition_for(item)) for item in items]
    for item in items:
        await publish(producer, numbered_readings(3 * SMALLEST, item))
    intake, turns = (
        ArchiveConsumer(settings, OffsetResets(Health(), "archive offsets")),
        list[set[TopicPartition]](),
    )
    await intake.start()
    try:
        while len(turns) < 6:
            if batch := (await intake.next_batch()).commits:
                turns.append({*batch})
    finally:
        await intake.stop()

    assert turns in ([{partitions[0]}, {partitions[1]}] * 3, [{partitions[1]}, {partitions[0]}] * 3)


TP = TopicPartition(RAW.name, 3)


class Group:
    """A group in which this consumer owns TP, whose log was replaced; `commit` is what a commit does."""

    def __init__(self, commit: Callable[[ArchiveConsumer], Awaitable[None]]) -> None:
        self.intake = cast("Any", ArchiveConsumer(Settings(), OffsetResets(Health(), "archive offsets")))
        self.intake._consumer = self
        self.intake._starts = self._starts
        self.sought: list[int] = []
        self._commit = commit

    def assignment(self) -> set[TopicPartition]:
        return {TP}

    def seek(self, _tp: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    async def commit(self, _commits: object) -> None:
        await self._commit(self.intake)

    async def _starts(self, *_partitions: object) -> dict[TopicPartition, Start]:
        return {TP: Start(0, "it was replaced", log_replaced=True)}


async def refuse(_intake: ArchiveConsumer) -> None:
    raise CommitFailedError


async def rebalance(intake: ArchiveConsumer) -> None:
    await intake.on_partitions_revoked([TP])
    await intake.on_partitions_assigned([TP])


async def accept(_intake: ArchiveConsumer) -> None:
    """Stand in for a commit that Kafka has."""


@pytest.mark.parametrize(("commit", "again"), [(accept, []), (refuse, [0]), (rebalance, [0])])
async def test_a_replaced_log_is_sought_until_kafka_has_the_new_commit(
    commit: Callable[[ArchiveConsumer], Awaitable[None]], again: list[int]
) -> None:
    group = Group(commit)
    await group.intake.on_partitions_assigned([TP])
    await group.intake._seek()
    group.sought.clear()
    if group.intake._new:
        await group.intake._seek()

    assert group.sought == again
