"""Feeds that end and die, with a station over real sockets.

Dropped and half-open sockets, refusals, ends of sessions, LOS, freezes, zero bursts and snapshots are
tested one by one in tests/feed and tests/simulator, and the way through everything in tests/pipeline.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.simulator.station import Station
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.tools.soak.completeness import Gappy
from iss_agents.tools.soak.invariants import Given, differences, settle
from iss_agents.tools.soak.recovery import recovery
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.system import START_SECONDS, System
from iss_agents.tools.testbed.worker import Worker
from tests.faults.lengths import FULL
from tests.faults.stage import SETTLE_SECONDS
from tests.feed.measuring_station import Measuring

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

RATE = 170 if FULL else 60
"""Updates a second to each feed: three feeds make 510 readings of them, or 180."""

ROUND = 400
"""After so many each item has had its turn."""

LONGEST_GAP = timedelta(seconds=10 + 10)
"""A session in Kafka, and what the next leader needs to connect."""


class Ground:
    """Workers with feeds, and the station that they listen to."""

    def __init__(self, folder: Path) -> None:
        self.system = System(folder)
        self.source = Measuring(RATE)
        self.station = Station([self.source])

    async def begin(self, feed: str, shards: Mapping[str, Shard], listeners: int) -> list[Worker]:
        """Start workers, name -> what each takes of the feed, and, when they listen, the numbers."""
        await self.system.start()
        await self.station.start()
        workers = await self.start(feed, shards, listeners)
        self.source.begin()
        return workers

    async def start(self, feed: str, shards: Mapping[str, Shard], listeners: int) -> list[Worker]:
        """Start workers, and return when all that there are listen."""
        variables = {"ISS_FEED": feed, "ISS_FEED_URL": self.station.url}
        workers = [
            self.system.worker(name, "feed,agents,archive,web", **variables, ISS_FEED_SHARD=str(shard))
            for name, shard in shards.items()
        ]
        for worker in workers:
            await self.system.working(worker)
        await until("they listen", lambda: self.station.listeners == listeners, START_SECONDS)
        return workers

    async def end(self) -> None:
        await self.station.stop()
        await self.system.stop()

    async def differences(self) -> list[str]:
        """Stop measuring, wait until everything is done, and return what is not as it should be."""
        self.source.end()
        numbers = self.source.numbers
        assert numbers
        await recovery(self.system, numbers)
        await settle(self.system.settings, SETTLE_SECONDS)
        return await differences(self.system.settings, Given(numbers.start, [Gappy(numbers)]))

    def gaps(self) -> list[dict[str, Any]]:
        """Return the recorded gaps."""
        settings = self.system.settings
        with MongoClient[dict[str, Any]](settings.mongo_url.get_secret_value(), tz_aware=True) as client:
            return list(client[settings.mongo_database]["gaps"].find())


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    quiet_kafka_logs()
    whole = Ground(tmp_path)
    try:
        yield whole
    finally:
        await whole.end()


async def test_three_workers_that_are_restarted_in_turn_miss_nothing_at_all(ground: Ground) -> None:
    workers = await ground.begin("always", dict.fromkeys(("one", "two", "three"), WHOLE), listeners=3)
    for worker in workers:
        await worker.end()
        worker.start()
        await ground.system.working(worker)
        await until("it listens again", lambda: ground.station.listeners == len(workers), START_SECONDS)

    assert await ground.differences() == []
    assert ground.gaps() == []


async def test_a_leader_that_is_killed_leaves_a_short_gap_that_is_recorded(ground: Ground) -> None:
    workers = await ground.begin("leader", dict.fromkeys(("one", "two"), WHOLE), listeners=1)
    numbers = ground.source.numbers
    assert numbers
    await until("every item has a value", lambda: numbers.given > ROUND, START_SECONDS)
    await recovery(ground.system, numbers)
    (leader,) = [worker for worker in workers if await _leads(worker)]
    await leader.kill()
    took = await recovery(ground.system, numbers)
    await until("the gap is stored", ground.gaps, SETTLE_SECONDS)
    print(f"leader killed: shown after {took.shown:.1f} s, stored after {took.stored:.1f} s")  # noqa: T201

    assert await ground.differences() == []
    (gap,) = ground.gaps()
    assert gap["cause"] == "restart"
    assert gap["end"] - gap["start"] <= LONGEST_GAP


async def test_a_feed_that_is_split_misses_nothing_and_a_killed_shard_costs_no_item_of_the_others(
    ground: Ground,
) -> None:
    [whole] = await ground.begin("leader", {"whole": WHOLE}, listeners=1)
    shards = {"one": Shard(1, 2), "two": Shard(2, 2), "other two": Shard(2, 2)}
    workers = await ground.start("leader", shards, listeners=3)
    await whole.end()
    numbers = ground.source.numbers
    assert numbers
    given = numbers.given
    await until("the shards have every item", lambda: numbers.given > given + ROUND, START_SECONDS)
    await recovery(ground.system, numbers)
    assert ground.gaps() == []
    received = [await _received(worker) for worker in workers]
    assert sorted(count > 0 for count in received) == [False, True, True]

    (leader,) = [worker for worker in workers if worker.name != "one" and await _leads(worker)]
    await leader.kill()
    await recovery(ground.system, numbers)
    await until("the gap is stored", ground.gaps, SETTLE_SECONDS)

    assert await ground.differences() == []
    (gap,) = ground.gaps()
    assert (gap["cause"], gap["shard"]) == ("restart", "2/2")
    assert gap["end"] - gap["start"] <= LONGEST_GAP


async def _received(worker: Worker) -> int:
    samples = await worker.samples()
    return samples.total("iss_feed_received_total") if samples else 0


async def _leads(worker: Worker) -> bool:
    samples = await worker.samples()
    return samples is not None and samples.total("iss_feed_leader") == 1
