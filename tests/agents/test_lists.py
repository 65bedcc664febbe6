"""A list is acknowledged when it is done, and never because its agent ends or partitions move."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest
from faust.types import TP, ConsumerMessage

from iss_agents.agents.lanes import Lanes
from iss_agents.agents.lists import run_list
from iss_agents.transport.consumer import ListConsumer
from iss_agents.transport.transport import Transport

HERE = TP("numbers", 0)


class Stand:
    """An agent's surroundings with the real consumer. `written`: what lists have done, by last offset."""

    def __init__(self, consumer: ListConsumer) -> None:
        self.consumer = consumer
        self.written: list[int] = []
        self.may_write = asyncio.Event()
        self.app = cast("Any", SimpleNamespace(lists=consumer, guard=SimpleNamespace(check=lambda: None)))

    def event(self, offset: int) -> Any:
        message = ConsumerMessage(HERE.topic, HERE.partition, offset, 0.0, 0, None, None, None, None)
        message.tracked = True
        self.consumer._delivered.setdefault(HERE, deque()).append(message)
        return SimpleNamespace(message=message, value=[], ack=lambda: self.consumer.ack(message))

    async def run(self, event: Any) -> None:
        await run_list(self.app, event, self._work)

    async def _work(self, event: Any) -> None:
        while not self.may_write.is_set():
            await self.consumer.sleep_while_flowing(0.01)
        self.written.append(event.message.offset)

    def new_offset(self) -> int | None:
        """What the consumer would commit now."""
        return self.consumer._new_offset(HERE)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    app = faust.App("lists-test", broker="kafka://127.0.0.1:1", store="memory://")
    app.transport = Transport(app.conf.broker_consumer, app)
    consumer = cast("ListConsumer", app.consumer)
    yield Stand(consumer)
    consumer._thread.thread_loop.close()


async def test_a_list_that_is_done_is_acknowledged(stand: Stand) -> None:
    stand.may_write.set()

    await stand.run(stand.event(9))

    assert (stand.written, stand.new_offset()) == ([9], 10)


async def test_a_list_whose_agent_is_cancelled_is_not_acknowledged(stand: Stand) -> None:
    running = asyncio.create_task(stand.run(stand.event(9)))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (stand.written, stand.new_offset()) == ([], None)


async def test_no_list_overtakes_one_that_was_interrupted(stand: Stand) -> None:
    first, second = stand.event(9), stand.event(19)
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, stand.run)
        await lanes.run(first)
        waiting = group.create_task(lanes.run(second))
        await asyncio.sleep(0)
        assert not waiting.done()

        stand.consumer.stop_flow()
        stand.may_write.set()

    assert (stand.written, stand.new_offset()) == ([], None)


async def test_what_fails_ends_the_process_and_is_not_acknowledged(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(reason: str, *details: object) -> None:
        raise SystemExit(reason % details)

    async def fail(_event: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("iss_agents.agents.lists.give_up", end)
    with pytest.raises(SystemExit, match="numbers 0 up to offset 9 cannot be finished"):
        await run_list(stand.app, stand.event(9), fail)

    assert stand.new_offset() is None
