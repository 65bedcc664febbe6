"""1,500 updates a second through one Lightstreamer client, or shared by two: none lost, each once, in order."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import process_time

import pytest

from iss_agents.shard import Shard
from tests.feed.test_service import Running
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

SECONDS = 10


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_client_takes_1500_updates_a_second_without_loss(shards: int, tmp_path: Path) -> None:
    async with counting_station(1500, shards) as (station, url), AsyncExitStack() as stack:
        feeds = [Running(url, tmp_path, shard) for shard in Shard(1, shards).siblings]
        for running in feeds:
            await stack.enter_async_context(running.feed)
        began = process_time()
        last = json.loads(await said(station))
        await until(lambda: received(feeds) >= sum(last.values()), seconds=60)
        taken = (process_time() - began) / received(feeds)
    print(f"{received(feeds):,} updates, {shards} client(s): {taken * 1e6:.0f} us CPU each")  # noqa: T201

    assert counts(feeds) == {item: [str(number + 1) for number in range(count)] for item, count in last.items()}


@asynccontextmanager
async def counting_station(rate: int, listeners: int) -> AsyncIterator[tuple[Process, str]]:
    """Yield a station in a process of its own, and its address."""
    command = (sys.executable, "-m", "tests.feed.measuring_station", rate, SECONDS, listeners)
    station = await asyncio.create_subprocess_exec(*map(str, command), stdin=PIPE, stdout=PIPE)
    try:
        yield station, await said(station)
    finally:
        assert station.stdin
        station.stdin.close()
        await asyncio.wait_for(station.wait(), 10)


async def said(station: Process) -> str:
    assert station.stdout
    return (await station.stdout.readline()).decode().strip()


def received(feeds: list[Running]) -> int:
    return sum(len(running.publisher.offered) for running in feeds)


def counts(feeds: list[Running]) -> Mapping[str, list[str]]:
    """Return item -> its values, in the order in which they would be published."""
    found: dict[str, list[str]] = {}
    for running in feeds:
        for reading in running.publisher.readings():
            found.setdefault(reading.item_id, []).append(reading.value)
    return found
