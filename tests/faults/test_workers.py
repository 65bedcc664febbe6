"""Workers that end, die, stand still, come and go: every reading is there once and in order.

A consumer alone is tested in tests/streaming, and what the bot does in tests/pipeline/test_bot_restarts.py.
"""

import asyncio
from time import monotonic

import pytest

from iss_agents.runtime.fail_fast import EXIT_CODE
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.processes import halted
from tests.faults.lengths import KILLS, KILLS_SECONDS, STANDSTILL_SECONDS, TEST_SECONDS
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(TEST_SECONDS)]


async def test_a_worker_that_ends_and_starts_again(stage: Stage) -> None:
    await stage.worker.end()
    stage.worker.start()
    await stage.recovered("worker ended and started")

    assert await stage.differences() == []


async def test_a_worker_that_is_killed_again_and_again(stage: Stage) -> None:
    for _ in range(KILLS):
        begun = monotonic()
        await stage.worker.kill()
        stage.worker.start()
        await until("the worker answers", lambda: stage.worker.document("/healthz"), SETTLE_SECONDS)
        await asyncio.sleep(max(0.0, begun + KILLS_SECONDS / KILLS - monotonic()))
    await stage.recovered(f"worker killed and started {KILLS} times")

    assert await stage.differences() == []


async def test_a_worker_that_stood_still_does_not_write_over_its_successor(stage: Stage) -> None:
    successor = stage.system.worker("two")
    await stage.system.working(successor)
    stage.worker.wanted = False
    async with halted(stage.worker.program):
        await asyncio.sleep(STANDSTILL_SECONDS)
        await stage.recovered(f"worker halted for {STANDSTILL_SECONDS} s, its share with another one")
    await until("the zombie ends by itself", lambda: not stage.worker.program.running, SETTLE_SECONDS)

    assert stage.worker.program.exit_code == EXIT_CODE
    assert await stage.differences() == []


async def test_a_second_worker_that_joins_and_dies_and_joins_and_leaves(stage: Stage) -> None:
    guest = stage.system.worker("two")
    await stage.system.working(guest)
    await guest.kill()
    await stage.recovered("one of two workers killed")
    guest.start()
    await stage.system.working(guest)
    await guest.end()
    await stage.recovered("one of two workers ended")

    assert await stage.differences() == []
