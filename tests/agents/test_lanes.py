"""Lists of different partitions run beside each other, lists of one partition never do."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from iss_agents.agents.lanes import Lanes


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
        lanes = Lanes(group, yard.work)
        await lanes.run(yard.list_of(0, "one"))
        await lanes.run(yard.list_of(1, "other"))
        await turns()
        assert yard.begun == ["one", "other"]

        await yard.finish("other")
        assert yard.done == ["other"]
        await yard.finish("one")

    assert yard.done == ["other", "one"]


async def test_a_list_waits_for_the_one_of_its_partition_before_it() -> None:
    yard = Yard()
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, yard.work)
        await lanes.run(yard.list_of(0, "first"))
        second = group.create_task(lanes.run(yard.list_of(0, "second")))
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

    monkeypatch.setattr("iss_agents.agents.lanes.give_up", end)
    yard = Yard()

    async def cancelled(event: Any) -> None:
        yard.begun.append(event.name)
        raise asyncio.CancelledError

    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, cancelled)
        await lanes.run(yard.list_of(0, "first"))
        with pytest.raises(SystemExit, match="numbers 0: a list was cancelled"):
            await lanes.run(yard.list_of(0, "second"))

    assert yard.begun == ["first"]
