"""A few requests work at once, some wait, and no more."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from web.base.problems import Problem
from web.base.waiting_line import WaitingLine


async def test_those_who_wait_get_their_turn_and_the_others_are_told_when_to_come_back() -> None:
    line = WaitingLine("plots", at_once=1, waiting=1)
    served: list[int] = []

    async def serve() -> None:
        async with line.turn():
            served.append(len(served))

    async with AsyncExitStack() as working:
        await working.enter_async_context(line.turn())
        waiting = asyncio.create_task(serve())
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await serve()
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
        assert not served
    await waiting
    await serve()
    assert served == [0, 1]


async def test_who_gives_up_waiting_leaves_the_line() -> None:
    line = WaitingLine("plots", at_once=1, waiting=1)
    async with line.turn():
        waiting = asyncio.create_task(line.turn().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        following = asyncio.create_task(line.turn().__aenter__())
        await asyncio.sleep(0)
        assert not following.done()
    await following
