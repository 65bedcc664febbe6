"""A log that was replaced is read anew once, however many find out at the same time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faust.types import TP

from iss_agents.kafka.offsets import Start
from iss_agents.streaming.consumer import Transport
from tests.streaming.scripted import HERE, Script


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script(Transport)
    await script.start()
    yield script
    await script.stop()


async def test_a_log_that_a_rebalance_reads_anew_is_not_read_anew_once_more(script: Script) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()
    restarted: list[set[TP]] = []

    async def starts(_tps: object) -> dict[TP, Start]:
        asked.set()
        await answered.wait()
        return {HERE: Start(0, "it was replaced", log_replaced=True)}

    async def restart(tps: set[TP], _generation: int) -> None:
        restarted.append(tps)
        script.consumer._replaced.clear()

    async def commit(_offsets: object) -> bool:
        return True

    script.consumer._starts, script.consumer._restart, script.consumer._commit = starts, restart, commit
    rebalance = asyncio.create_task(script.consumer.perform_seek())
    await asked.wait()
    script.consumer.read_again({HERE})
    script.fetch(HERE, [10])  # before the consumer asks for more, it would restart
    for _ in range(10):
        await asyncio.sleep(0)
    answered.set()
    await rebalance
    await script.fetched(HERE, range(3))

    assert restarted == []
    assert script.given[HERE] == [0, 1, 2]
