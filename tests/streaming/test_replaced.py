"""A replaced log is reread once, even if several parts notice at the same time."""

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


class Restarts:
    """Replaces what a consumer asks Kafka: a rebalance finds HERE replaced, and restarts are written down."""

    def __init__(self, script: Script, *, committed: bool) -> None:
        self.asked, self.answered = asyncio.Event(), asyncio.Event()
        self.of: list[set[TP]] = []
        self._script = script
        self._committed = committed
        consumer = script.consumer
        consumer._starts, consumer._restart, consumer._commit = self._starts, self._restart, self._commit

    async def _starts(self, _tps: object) -> dict[TP, Start]:
        self.asked.set()
        await self.answered.wait()
        return {HERE: Start(0, "it was replaced", log_replaced=True)}

    async def _restart(self, tps: set[TP], _generation: int) -> None:
        self.of.append(tps)
        self._script.consumer._replaced.clear()

    async def _commit(self, _offsets: object) -> bool:
        return self._committed


async def test_a_log_that_a_rebalance_reads_anew_is_not_read_anew_once_more(script: Script) -> None:
    restarts = Restarts(script, committed=True)
    rebalance = asyncio.create_task(script.consumer.perform_seek())
    await restarts.asked.wait()
    script.consumer.read_again({HERE})
    script.fetch(HERE, [10])  # before the consumer asks for more, it would restart
    for _ in range(10):
        await asyncio.sleep(0)
    restarts.answered.set()
    await rebalance
    await script.fetched(HERE, range(3))

    assert restarts.of == []
    assert script.given[HERE] == [0, 1, 2]


async def test_a_log_whose_new_commit_kafka_refuses_is_read_anew_once_more(script: Script) -> None:
    restarts = Restarts(script, committed=False)
    restarts.answered.set()
    await script.consumer.perform_seek()
    await script.fetched(HERE, range(3))

    assert restarts.of == [{HERE}]
    assert script.given[HERE] == [0, 1, 2]
