"""Two workers write one changelog of a real Kafka: whatever each believes, the newest value ends last."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import faust
import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from iss_agents.config.settings import Settings
from iss_agents.kafka.reader import open_reader
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.streaming.outputs import Outputs
from iss_agents.streaming.tables import NewestTable, newest_table
from iss_agents.telemetry.records import decoder
from iss_agents.telemetry.topics import Topic

decode: Any = decoder(dict[str, Any])


class BenchStack:
    """A changelog, and workers that hold a Table of it."""

    def __init__(self, kafka_url: str) -> None:
        self.settings = Settings(kafka_url=kafka_url)
        self.topic = Topic(f"changes-{uuid4().hex[:8]}", 1, cleanup_policy="compact")
        self.outputs = Outputs(self.settings)

    def table(self, **held: int) -> NewestTable:
        """A worker's Table that holds these values, though nothing was written."""
        app = faust.App("reconciling", store="memory://", Table=NewestTable)
        cast("Any", app).outputs = self.outputs
        table = newest_table(app, "changes", self.topic, "", dict)
        table.data.update({key: value(number) for key, number in held.items()})
        return table

    async def reconcile(self, *tables: NewestTable) -> None:
        async with open_reader(self.settings) as reader:
            for table in tables:
                await table.reconcile(0, reader)

    async def log(self) -> list[tuple[str, int]]:
        """Key and sequence of every record."""
        async with open_reader(self.settings) as reader:
            records = [record async for some in reader.records(self.topic) for record in some]
        return [(record.key.decode().strip('"'), decode(record.value)["sequence"]) for record in records]

    async def restore(self, table: NewestTable) -> None:
        """Restore a Table from the log as a recovery does."""
        async with open_reader(self.settings) as reader:
            records = [record async for some in reader.records(self.topic) for record in some]
        table.restore(records)

    async def make_anew(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_url)
        await admin.start()
        await admin.delete_topics([self.topic.name])
        await admin.close()
        await provision_topics(self.settings, [self.topic])


def value(number: int) -> dict[str, Any]:
    return {"sequence": number, "offset": number, "generation": 0}


def record(offset: int) -> ConsumerRecord:
    return cast("ConsumerRecord", SimpleNamespace(partition=0, offset=offset))


async def write(table: NewestTable, **values: int) -> None:
    await table.write(
        {key: {"sequence": number} for key, number in values.items()}, record(max(values.values()))
    )


@pytest.fixture
async def stand(kafka_url: str) -> AsyncIterator[BenchStack]:
    made = BenchStack(kafka_url)
    await provision_topics(made.settings, [made.topic])
    async with made.outputs:
        yield made


async def test_what_a_worker_that_stood_still_wrote_is_answered_by_the_owner(stand: BenchStack) -> None:
    owner, zombie = stand.table(), stand.table()
    await write(owner, a=2, b=2)
    await write(zombie, a=1)
    await stand.reconcile(owner)

    assert await stand.log() == [("a", 2), ("b", 2), ("a", 1), ("a", 2)]
    assert not owner.is_behind(0, 4)


async def test_an_owner_that_goes_on_writing_notices_it_too(stand: BenchStack) -> None:
    owner, zombie = stand.table(), stand.table()
    await write(owner, a=2)
    await write(zombie, a=1)
    await write(owner, b=3)

    assert owner.is_behind(0, 3)
    await stand.reconcile(owner)
    assert (await stand.log())[-1] == ("a", 2)


async def test_what_the_owner_wrote_itself_is_not_read_again(stand: BenchStack) -> None:
    owner = stand.table()
    for number in range(3):
        await write(owner, a=number)

    assert not owner.is_behind(0, 3)


async def test_a_newer_value_of_another_worker_is_taken_over(stand: BenchStack) -> None:
    owner, other = stand.table(), stand.table()
    await write(owner, a=1)
    await write(other, a=2)
    await stand.reconcile(owner)

    assert owner["a"] == value(2)
    assert await stand.log() == [("a", 1), ("a", 2)]


async def test_a_changelog_that_was_made_anew_is_filled_by_its_owner(stand: BenchStack) -> None:
    owner = stand.table()
    await write(owner, a=1, b=2)
    await stand.make_anew()
    await stand.reconcile(owner)

    assert sorted(await stand.log()) == [("a", 1), ("b", 2)]


async def test_a_changelog_that_was_made_anew_and_restored_from_is_filled_too(stand: BenchStack) -> None:
    owner = stand.table()
    await write(owner, a=1, b=2, c=3)
    await stand.make_anew()
    await write(owner, a=4)
    await stand.restore(owner)  # partitions are assigned again, for their topic is another one

    assert owner.is_behind(0, 1)
    await stand.reconcile(owner)
    assert sorted(await stand.log()) == [("a", 4), ("b", 2), ("c", 3)]


async def test_a_changelog_that_was_made_anew_is_filled_though_it_has_outgrown_the_old_one(
    stand: BenchStack,
) -> None:
    owner = stand.table()
    await write(owner, a=1, b=2, c=3)
    await stand.make_anew()
    for number in range(4, 9):
        await write(owner, a=number)
    await stand.reconcile(owner)

    log = await stand.log()
    assert sorted(log[5:]) == [("b", 2), ("c", 3)]
    assert not owner.is_behind(0, len(log))


async def test_a_recovery_without_the_changelog_forgets_no_value(stand: BenchStack) -> None:
    owner = stand.table()
    await write(owner, a=1, b=2)
    await stand.restore(owner)
    await owner.on_recovery_completed(set(), set())

    assert {key: owner[key]["sequence"] for key in owner} == {"a": 1, "b": 2}


async def test_a_restored_changelog_that_was_compacted_is_not_written_again(stand: BenchStack) -> None:
    owner = stand.table()
    for number in range(3):
        await write(owner, a=number, b=number)
    await stand.restore(owner)

    assert not owner.is_behind(0, 6)


async def test_a_value_after_the_source_topic_was_made_anew_is_newer_than_all_before(stand: BenchStack) -> None:
    owner, zombie = stand.table(a=900), stand.table(a=899)
    await write(owner, a=1)
    await write(zombie, a=900)
    await stand.reconcile(owner)

    assert await stand.log() == [("a", 1), ("a", 900), ("a", 1)]
    assert owner["a"] == {"sequence": 1, "offset": 1, "generation": 1}


async def test_two_workers_that_both_take_themselves_for_the_owner_come_to_an_end(stand: BenchStack) -> None:
    first, second, third = stand.table(a=1), stand.table(a=2), stand.table(a=3)
    await write(stand.table(), a=0)
    for _ in range(4):
        await stand.reconcile(first, second, third)
    ended = await stand.log()
    await stand.reconcile(first, second, third)

    assert await stand.log() == ended
    assert ended[-1] == ("a", 3)
