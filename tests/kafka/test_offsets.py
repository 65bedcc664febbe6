"""Where reading goes on, whatever has become of the log since the commit."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError, KafkaError, NotCoordinatorForGroupError

from iss_agents.kafka.offsets import Commit, PartitionPosition, Start, committed_by
from iss_agents.kafka.seen_records import SeenRecords
from tests.kafka.logs import Log, log_of_three


@pytest.fixture
async def log(kafka_url: str) -> AsyncIterator[Log]:
    async with log_of_three(kafka_url) as log:
        yield log


async def start(log: Log) -> Start:
    return (await log.offsets.starts(log.group, [log.tp], {}))[log.tp]


async def position(log: Log) -> PartitionPosition:
    return (await log.offsets.positions(log.group, [log.tp]))[log.tp]


async def test_a_group_goes_on_at_its_commit(log: Log) -> None:
    await log.read(2)

    assert (await start(log))[:2] == (2, "")
    assert (await position(log)).lag == 1


async def test_an_offset_that_a_tool_has_set_is_believed(log: Log) -> None:
    await log.commit(1)

    assert await start(log) == Start(1)


async def test_a_group_without_a_commit_begins_at_the_beginning(log: Log) -> None:
    await log.remove(1)

    assert await start(log) == Start(1)
    assert await position(log) == PartitionPosition(beginning=1, end=3, committed=None)
    assert (await position(log)).lag == 2


@pytest.mark.parametrize("committed", [None, 1])
async def test_nobody_is_behind_in_an_emptied_log(log: Log, committed: int | None) -> None:
    if committed:
        await log.commit(committed)
    await log.remove(-1)

    assert (await position(log)).lag == 0
    assert (await start(log)).offset == 3


async def test_what_was_removed_unread_is_said(log: Log) -> None:
    await log.read(1)
    await log.remove(2)

    begins = await start(log)
    assert (begins.offset, begins.log_replaced) == (2, False)
    assert begins.reason == "its records from offset 1 were removed before they were read"
    assert (await position(log)).lag == 1


async def test_a_commit_beyond_the_end_hides_nothing(log: Log) -> None:
    await log.commit(5_003)

    begins = await start(log)
    assert (begins.offset, begins.log_replaced) == (0, True)
    assert begins.reason == "it ends at 3, and 5003 was committed"
    assert (await position(log)).lag == 3


@pytest.mark.parametrize("records", [0, 1, 3, 7])
async def test_a_topic_that_was_created_again_is_read_from_its_beginning(log: Log, records: int) -> None:
    await log.read(3)
    await log.create_again()
    await log.send(*(f"new {number}" for number in range(records)))

    begins = await start(log)
    assert (begins.offset, begins.log_replaced) == (0, True)


async def test_a_log_that_lost_its_end_and_grew_again_is_read_from_its_beginning(log: Log) -> None:
    await log.read(3)
    await log.create_again()
    await log.send("0", "1", "another 2", "3")

    begins = await start(log)
    assert (begins.offset, begins.log_replaced) == (0, True)
    assert begins.reason == "its record at offset 2 is not the one that was read"


async def test_a_log_that_lost_nothing_that_was_read_goes_on(log: Log) -> None:
    await log.read(2)
    await log.create_again()
    await log.send("0", "1", "another 2")

    assert (await start(log))[:2] == (2, "")


@pytest.mark.parametrize("records", [1, 7])
async def test_a_topic_whose_commits_kafka_forgot_is_known_by_what_was_read_of_it(
    log: Log, records: int
) -> None:
    seen = SeenRecords()
    for record in await log.fetch(3):
        seen.add(log.tp, record)
    await log.create_again(commit=False)
    await log.send(*(f"new {number}" for number in range(records)))

    begins = (await log.offsets.starts(log.group, [log.tp], seen.records))[log.tp]
    assert (begins.offset, begins.log_replaced) == (0, True)
    assert begins.reason == "it was replaced"


@pytest.mark.parametrize("error", [NotCoordinatorForGroupError, GroupLoadInProgressError])
async def test_a_coordinator_that_has_just_become_one_is_asked_again(error: type[KafkaError]) -> None:
    codes = [error.errno, error.errno, 0]
    stored = [("numbers", [(3, 7, "mark", 0), (4, -1, "", 0)])]

    async def find_coordinator(_group: str) -> int:
        return 1

    async def send(*_request: object) -> object:
        return SimpleNamespace(error_code=codes.pop(0), topics=stored)

    admin = cast("AIOKafkaAdminClient", SimpleNamespace(find_coordinator=find_coordinator, _send_request=send))

    assert await committed_by(admin, "group") == {TopicPartition("numbers", 3): Commit(7, "mark")}
    assert codes == []
