"""A list is acknowledged when it is done, and never because its agent ends or partitions move."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest
from faust.types import TP, ConsumerMessage

from iss_agents.streaming.batches import PartitionExecutor, run_batch
from iss_agents.streaming.consumer import BatchConsumer, Transport

HERE = TP("numbers", 0)


class BenchStack:
    """An agent's surroundings with the real consumer. `written`: what lists have done, by last offset."""

    def __init__(self, consumer: BatchConsumer) -> None:
        self.consumer = consumer
        self.written: list[int] = []
        self.may_write = asyncio.Event()
        self.app = cast(
            "Any", SimpleNamespace(batch_consumer=consumer, fence=SimpleNamespace(check=lambda: None))
        )

    def event(self, offset: int) -> Any:
        message = ConsumerMessage(HERE.topic, HERE.partition, offset, 0.0, 0, None, None, None, None)
        message.tracked = True
        self.consumer._delivered.setdefault(HERE, deque()).append(message)
        return SimpleNamespace(message=message, value=[], ack=lambda: self.consumer.ack(message))

    async def run(self, event: Any) -> None:
        await run_batch(self.app, event, self._work)

    async def _work(self, event: Any) -> None:
        while not self.may_write.is_set():
            await self.consumer.sleep_while_flowing(0.01)
        self.written.append(event.message.offset)

    def new_offset(self) -> int | None:
        """What the consumer would commit now."""
        return self.consumer._new_offset(HERE)


@pytest.fixture
async def stand() -> AsyncIterator[BenchStack]:
    app = faust.App("lists-test", broker="kafka://127.0.0.1:1", store="memory://")
    app.transport = Transport(app.conf.broker_consumer, app)
    consumer = cast("BatchConsumer", app.consumer)
    yield BenchStack(consumer)
    consumer._thread.thread_loop.close()


async def test_a_list_that_is_done_is_acknowledged(stand: BenchStack) -> None:
    stand.may_write.set()

    await stand.run(stand.event(9))

    assert (stand.written, stand.new_offset()) == ([9], 10)


async def test_a_list_whose_agent_is_cancelled_is_not_acknowledged(stand: BenchStack) -> None:
    running = asyncio.create_task(stand.run(stand.event(9)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (stand.written, stand.new_offset()) == ([], None)


async def test_no_list_overtakes_one_that_was_interrupted(stand: BenchStack) -> None:
    first, second = stand.event(9), stand.event(19)
    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, stand.run)
        await executor.run(first)
        waiting = group.create_task(executor.run(second))
        await asyncio.sleep(0)
        assert not waiting.done()

        stand.consumer.stop_flow()
        stand.may_write.set()

    assert (stand.written, stand.new_offset()) == ([], None)


async def test_no_list_overtakes_an_interrupted_one_however_soon_the_flow_goes_on(stand: BenchStack) -> None:
    first, second = stand.event(9), stand.event(19)
    stand.consumer.stop_flow()
    await stand.run(first)
    stand.consumer.resume_flow()
    stand.may_write.set()
    await stand.run(second)

    assert (stand.written, stand.new_offset()) == ([], None)


async def test_a_list_that_was_delivered_before_partitions_moved_is_not_done(stand: BenchStack) -> None:
    stale = stand.event(9)
    stand.consumer._forget(HERE)
    stand.may_write.set()
    await stand.run(stale)

    assert stand.written == []


async def test_what_fails_ends_the_process_and_is_not_acknowledged(
    stand: BenchStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(reason: str, *details: object) -> None:
        raise SystemExit(reason % details)

    async def fail(_event: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("iss_agents.streaming.batches.fail_fast", end)
    with pytest.raises(SystemExit, match="numbers 0 up to offset 9 cannot be finished"):
        await run_batch(stand.app, stand.event(9), fail)

    assert stand.new_offset() is None


class Yard:
    """Lists that are done when a test says so. `begun` and `done` are their names, in order."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    def list_of(self, partition: int, name: str) -> Any:
        self._gates[name] = asyncio.Event()
        message = SimpleNamespace(tp=TP("numbers", partition))
        return SimpleNamespace(message=message, name=name)

    async def work(self, event: Any) -> None:
        self.begun.append(event.name)
        await self._gates[event.name].wait()
        self.done.append(event.name)

    async def finish(self, name: str) -> None:
        self._gates[name].set()
        await turns()


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_lists_of_different_partitions_run_beside_each_other() -> None:
    yard = Yard()
    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, yard.work)
        await executor.run(yard.list_of(0, "one"))
        await executor.run(yard.list_of(1, "other"))
        await turns()
        assert yard.begun == ["one", "other"]

        await yard.finish("other")
        assert yard.done == ["other"]
        await yard.finish("one")

    assert yard.done == ["other", "one"]


async def test_a_list_waits_for_the_one_of_its_partition_before_it() -> None:
    yard = Yard()
    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, yard.work)
        await executor.run(yard.list_of(0, "first"))
        second = group.create_task(executor.run(yard.list_of(0, "second")))
        await turns()
        assert yard.begun == ["first"]
        assert not second.done()  # so the agent takes no more, and the consumer holds its topic back

        await yard.finish("first")
        assert (yard.begun, yard.done) == (["first", "second"], ["first"])
        await yard.finish("second")

    assert yard.done == ["first", "second"]


async def test_nothing_overtakes_a_list_that_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(reason: str, *details: object) -> None:
        raise SystemExit(reason % details)

    monkeypatch.setattr("iss_agents.streaming.batches.fail_fast", end)
    yard = Yard()

    async def cancelled(event: Any) -> None:
        yard.begun.append(event.name)
        raise asyncio.CancelledError

    async with asyncio.TaskGroup() as group:
        executor = PartitionExecutor(group, cancelled)
        await executor.run(yard.list_of(0, "first"))
        with pytest.raises(SystemExit, match="numbers 0: a batch was cancelled"):
            await executor.run(yard.list_of(0, "second"))

    assert yard.begun == ["first"]
