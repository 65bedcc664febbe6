"""Each fault of Faust's consumer that iss_agents.streaming corrects: ours is right where Faust's own is wrong.

The second half of each test fails with a Faust that has mended the fault: then the correction can go.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import pytest
from aiokafka.errors import OffsetOutOfRangeError
from faust.transport.drivers.aiokafka import Transport as FaustTransport
from faust.types import TP

from iss_agents.streaming.consumer import Transport
from iss_agents.streaming.delivery import NOTHING_READ
from tests.streaming.scripted import HERE, THERE, Script
from tests.waiting import until

Make = Callable[[type[FaustTransport]], Awaitable[Script]]


@pytest.fixture
async def scripts() -> AsyncIterator[tuple[Script, Script]]:
    """Our consumer and Faust's own."""
    both = Script(Transport), Script(FaustTransport)
    for script in both:
        await script.start()
    yield both
    for script in both:
        await script.stop()


async def test_a_record_fetched_before_a_seek_lets_none_be_passed_over(scripts: tuple[Script, Script]) -> None:
    for script in scripts:
        await script.fetched(HERE, [60, 61])
        await script.fetched(HERE, range(10, 62))
    ours, fausts = scripts

    assert (ours.given[HERE], ours.sought[-1]) == (list(range(10, 62)), 10)
    assert fausts.given[HERE] == [60, 61, 61]


async def test_the_commit_passes_nothing_unfinished(scripts: tuple[Script, Script]) -> None:
    for script in scripts:
        await script.fetched(HERE, [10])
        await script.fetched(HERE, [11])
        script.finish(11)
    ours, fausts = scripts

    assert ours.new_offset() is None
    assert fausts.new_offset() == 12


async def test_the_commit_reaches_the_end_although_partitions_have_moved(
    scripts: tuple[Script, Script],
) -> None:
    for script in scripts:
        await script.fetched(HERE, [10])
        await script.fetched(HERE, [11])
        await script.fetched(HERE, [20])
        script.finish(20)
        script.new_offset()
        await script.consumer.perform_seek()
        await script.fetched(HERE, range(10, 21))
        script.finish(*range(10, 21))
    ours, fausts = scripts

    assert ours.new_offset() == 21
    assert fausts.new_offset() == 13


async def test_what_is_finished_can_be_committed_while_partitions_are_revoked(
    scripts: tuple[Script, Script],
) -> None:
    offsets = []
    for script in scripts:
        await script.fetched(HERE, [10, 11])
        script.finish(10, 11)

        async def commit(_revoked: object, script: Script = script) -> None:
            offsets.append(script.new_offset())

        script.consumer._on_partitions_revoked = commit
        await script.consumer.on_partitions_revoked({HERE})

    assert offsets == [12, None]


async def test_a_commit_that_kafka_refuses_is_made_again(scripts: tuple[Script, Script]) -> None:
    commits: list[list[int]] = []
    for script in scripts:
        asked: list[int] = []

        async def refuse(offsets: dict[object, int], asked: list[int] = asked) -> bool:
            asked.extend(offsets.values())
            return False

        script.consumer._commit = refuse
        await script.fetched(HERE, [10, 11])
        script.finish(10, 11)
        await script.consumer.force_commit()
        await script.consumer.force_commit()
        commits.append(asked)

    assert commits == [[12, 12], [12]]


async def test_a_full_buffer_holds_up_its_own_topic_only(scripts: tuple[Script, Script]) -> None:
    for script in scripts:
        script.buffers[HERE].room.clear()
        script.fetch(HERE, [10])
        script.fetch(THERE, [10])
    ours, fausts = scripts
    await until(lambda: ours.given[THERE] == [10])
    meanwhile = [*ours.given[HERE]]
    ours.buffers[HERE].room.set()
    await until(lambda: ours.given[HERE] == [10])

    assert meanwhile == []
    assert fausts.given == {HERE: [], THERE: []}


async def test_partitions_that_stand_still_are_left_to_the_watchdog(
    scripts: tuple[Script, Script], caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    for script in scripts:
        caplog.clear()
        script.stand_still(3_600)
        await script.consumer.verify_all_partitions_active()
        said.append([message.count("\n") for message in caplog.messages])
    ours, fausts = said

    assert ours == []
    assert len(fausts) == 2, "one for each partition"
    assert min(fausts) > 5, "and each fills the screen"


async def test_a_restoration_whose_records_are_removed_begins_again_with_what_is_there(
    scripts: tuple[Script, Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = scripts
    changelog = TP("changes", 0)
    sought: dict[TP, int] = {}
    recovery = SimpleNamespace(active_offsets={changelog: 40, HERE: 3}, signal_recovery_start=asyncio.Event())

    async def earliest(*_partitions: TP) -> dict[TP, int]:
        return {changelog: 7}

    async def out_of_range(*_arguments: object) -> None:
        raise OffsetOutOfRangeError({changelog: 3})

    async def seek(offsets: dict[TP, int]) -> None:
        sought.update(offsets)

    for name, part in {
        "_is_batched": lambda tp: tp != changelog,
        "earliest_offsets": earliest,
        "_getmany": out_of_range,
        "_seek_in_consumer": seek,
    }.items():
        monkeypatch.setattr(ours.consumer, name, part)
    monkeypatch.setattr(type(ours.consumer.app), "tables", SimpleNamespace(recovery=recovery))

    assert await ours.consumer._fetch() == {}
    assert sought == {changelog: 7}
    assert recovery.active_offsets == {changelog: NOTHING_READ, HERE: 3}
    assert recovery.signal_recovery_start.is_set()
