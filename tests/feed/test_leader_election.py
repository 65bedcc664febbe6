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

from iss_agents.config.settings import Settings, load_settings
from iss_agents.feed import leader_election
from iss_agents.feed.leader_election import LeaderElection
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.shards import WHOLE, Shard
from tests.broker import new_broker
from tests.waiting import until


class Worker:
    """A worker that writes down what it was told."""

    def __init__(self, settings: Settings) -> None:
        self.told: list[str] = []
        self.leadership = LeaderElection(settings, self._gained, self._lost)

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
            await until(lambda: second.leadership.joined)
            assert (first.told, second.told) == (["gained"], [])
            await first.leadership.stop()
            await until(lambda: second.told == ["gained"])
            assert first.told == ["gained"]


async def test_each_shard_has_a_leader_of_its_own(kafka_url: str) -> None:
    first, second = Shard(1, 2), Shard(2, 2)
    async with working(kafka_url, shard=first) as one, working(kafka_url, shard=second) as other:
        await until(lambda: one.told == other.told == ["gained"])
        async with working(kafka_url, shard=second) as standby:
            await until(lambda: standby.leadership.joined)
            await one.leadership.stop()
            assert standby.told == []
            await other.leadership.stop()
            await until(lambda: standby.told == ["gained"])


def leads(shard: str) -> float | None:
    return REGISTRY.get_sample_value("iss_feed_leader", {"shard": shard})


async def test_a_shard_that_nobody_runs_is_seen() -> None:
    async with working(f"127.0.0.1:{free_port()}", "always", Shard(1, 2)):
        await until(lambda: leads("1/2") == 1)
        assert leads("2/2") == 0
    assert leads("1/2") == 0


CHILD = """
import asyncio, sys
from iss_agents.feed.leader_election import LeaderElection
from iss_agents.config.settings import Settings

async def gained():
    print("gained", flush=True)

async def main(url):
    await LeaderElection(Settings(kafka_url=url), gained, gained).start()
    await asyncio.sleep(60)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.long
async def test_a_killed_leader_is_replaced_within_its_session(kafka_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, kafka_url], stdout=subprocess.PIPE) as child:  # noqa: ASYNC220
        assert child.stdout
        assert await asyncio.to_thread(child.stdout.readline) == b"gained\n"
        async with working(kafka_url) as second:
            await until(lambda: second.leadership.joined)
            child.send_signal(signal.SIGKILL)
            assert second.told == []
            await until(lambda: second.told == ["gained"], seconds=20)


@pytest.mark.long
async def test_without_kafka_every_worker_leads_until_it_learns_who_does(tmp_path: Path) -> None:
    kafka = new_broker(tmp_path)
    async with working(kafka.url) as first, working(kafka.url) as second:
        await until(lambda: first.told == second.told == ["gained"])
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


@pytest.mark.long
@pytest.mark.parametrize("leader_dies", [True, False])
async def test_a_stand_by_that_does_not_reach_kafka_leads_until_kafka_says_who_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, leader_dies: bool
) -> None:
    monkeypatch.setattr(leader_election, "SESSION_SECONDS", 6)
    kafka = new_broker(tmp_path)
    program = kafka.start(jar_folder(load_settings().home))
    try:
        program.wait_until(kafka.ready)
        with subprocess.Popen([sys.executable, "-c", CHILD, kafka.url], stdout=subprocess.PIPE) as leader:  # noqa: ASYNC220
            assert leader.stdout
            assert await asyncio.to_thread(leader.stdout.readline) == b"gained\n"
            async with working(kafka.url) as stand_by:
                await until(lambda: stand_by.leadership.joined)
                program.request(signal.SIGSTOP)
                if leader_dies:
                    leader.kill()
                assert stand_by.told == []
                await until(lambda: stand_by.told == ["gained"])
                program.request(signal.SIGCONT)
                if leader_dies:
                    consumer = stand_by.leadership._consumer
                    assert consumer
                    await until(lambda: bool(consumer.assignment()))
                    assert stand_by.told == ["gained"], "it has gone on all the time"
                else:
                    await until(lambda: stand_by.told == ["gained", "lost"])
            leader.kill()
    finally:
        program.request(signal.SIGCONT)
        program.stop()


async def test_always_leads_without_asking_kafka() -> None:
    async with working(f"127.0.0.1:{free_port()}", "always") as worker:
        await until(lambda: worker.told == ["gained"])


async def test_off_never_leads() -> None:
    async with working(f"127.0.0.1:{free_port()}", "off") as worker:
        await asyncio.sleep(0)
        worker.leadership._decided.set()
        await until(lambda: not worker.leadership._decided.is_set())

        assert worker.told == []
