import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from prometheus_client import REGISTRY

from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import Kafka
from iss_agents.embedded.place import free_port
from iss_agents.feed.leadership import Leadership
from iss_agents.settings import Settings, load_settings
from iss_agents.shard import WHOLE, Shard
from tests.waiting import until


class Worker:
    """A worker that writes down what it was told."""

    def __init__(self, settings: Settings) -> None:
        self.told: list[str] = []
        self.leadership = Leadership(settings, self._gained, self._lost)

    async def _gained(self) -> None:
        self.told.append("gained")

    async def _lost(self) -> None:
        self.told.append("lost")


@asynccontextmanager
async def working(
    url: str, feed: Literal["leader", "always", "off"] = "leader", shard: Shard = WHOLE
) -> AsyncIterator[Worker]:
    worker = Worker(Settings(kafka_url=url, feed=feed, feed_shard=shard))
    await worker.leadership.start()
    try:
        yield worker
    finally:
        await worker.leadership.stop()


async def test_one_leads_and_the_other_follows_when_the_first_leaves(kafka_url: str) -> None:
    async with working(kafka_url) as first:
        await until(lambda: first.told == ["gained"])
        async with working(kafka_url) as second:
            await until(lambda: second.leadership.joined, seconds=15)
            assert (first.told, second.told) == (["gained"], [])
            await first.leadership.stop()
            await until(lambda: second.told == ["gained"], seconds=15)
            assert first.told == ["gained"]


async def test_each_shard_has_a_leader_of_its_own(kafka_url: str) -> None:
    first, second = Shard(1, 2), Shard(2, 2)
    async with working(kafka_url, shard=first) as one, working(kafka_url, shard=second) as other:
        await until(lambda: one.told == other.told == ["gained"], seconds=15)
        async with working(kafka_url, shard=second) as standby:
            await until(lambda: standby.leadership.joined, seconds=15)
            await one.leadership.stop()
            assert standby.told == []
            await other.leadership.stop()
            await until(lambda: standby.told == ["gained"], seconds=15)


def leads(shard: str) -> float | None:
    return REGISTRY.get_sample_value("iss_feed_leader", {"shard": shard})


async def test_a_shard_that_nobody_runs_is_seen() -> None:
    async with working(f"127.0.0.1:{free_port()}", "always", Shard(1, 2)):
        await until(lambda: leads("1/2") == 1)
        assert leads("2/2") == 0
    assert leads("1/2") == 0


CHILD = """
import asyncio, sys
from iss_agents.feed.leadership import Leadership
from iss_agents.settings import Settings

async def gained():
    print("gained", flush=True)

async def main(url):
    await Leadership(Settings(kafka_url=url), gained, gained).start()
    await asyncio.sleep(60)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.long
async def test_a_killed_leader_is_replaced_within_its_session(kafka_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, kafka_url], stdout=subprocess.PIPE) as child:  # noqa: ASYNC220
        assert child.stdout
        assert await asyncio.to_thread(child.stdout.readline) == b"gained\n"
        async with working(kafka_url) as second:
            await until(lambda: second.leadership.joined, seconds=15)
            child.send_signal(signal.SIGKILL)
            assert second.told == []
            await until(lambda: second.told == ["gained"], seconds=20)


@pytest.mark.long
async def test_without_kafka_every_worker_leads_until_it_learns_who_does(tmp_path: Path) -> None:
    kafka = Kafka(tmp_path, free_port())
    async with working(kafka.url) as first, working(kafka.url) as second:
        await until(lambda: first.told == second.told == ["gained"], seconds=3)
        program = kafka.start(jar_folder(load_settings().home))
        try:
            program.wait_until(kafka.ready)
            await until(
                lambda: sorted([first.told, second.told]) == [["gained"], ["gained", "lost"]], seconds=30
            )
            program.stop()
            assert [first.leadership.leading, second.leadership.leading].count(True) == 1
        finally:
            program.stop()


async def test_always_leads_without_asking_kafka() -> None:
    async with working(f"127.0.0.1:{free_port()}", "always") as worker:
        await until(lambda: worker.told == ["gained"], seconds=1)


async def test_off_never_leads() -> None:
    async with working(f"127.0.0.1:{free_port()}", "off") as worker:
        await asyncio.sleep(0)
        worker.leadership._decided.set()
        await until(lambda: not worker.leadership._decided.is_set())

        assert worker.told == []
