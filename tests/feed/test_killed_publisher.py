"""A killed worker's spool: the next worker, or one beside it, publishes what is left."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iss_agents.feed import publisher
from iss_agents.feed.spool_directory import count_records
from iss_agents.local_stack.kafka import Kafka
from tests.feed.publishing import complete, first_seen, kafka, numbered, publishing, request, stored
from tests.waiting import until

__all__ = ["kafka"]


CHILD = """
import asyncio, sys
from pathlib import Path
from iss_agents.feed.publisher import Publisher
from iss_agents.runtime.health import Health
from iss_agents.config.settings import Settings
from tests.feed.publishing import numbered

async def main(url, home, name):
    publisher = Publisher(Settings(kafka_url=url, home=Path(home)), Health())
    await publisher.start()
    for number in range(1_000_000):
        publisher.offer(numbered(name, number, number + 1))
        print(number, flush=True)
        await asyncio.sleep(0.002)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_worker_loses_less_than_a_second_and_the_next_one_publishes_its_spool(
    kafka: Kafka, tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", CHILD, kafka.url, str(tmp_path), "child"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:  # noqa: ASYNC220
        assert child.stdout
        await asyncio.to_thread(_read_until, child.stdout, 500)
        request(kafka, signal.SIGSTOP)
        await until(lambda: count_records(tmp_path) > 500)
        child.kill()
        offered = _last(child.stdout)
    request(kafka, signal.SIGCONT)
    spooled = count_records(tmp_path)
    async with publishing(kafka.url, tmp_path) as (publisher, _):
        assert publisher.spooled == spooled
        assert await publisher.flush(20)

    found = await stored(kafka.url, "child")
    arrived = sum(len(first_seen(values)) for values in found.values())
    assert complete(found, "child", arrived)
    # Once records go to disk, they go there every 50 ms: that is 25 records at 2 ms each.
    assert offered + 1 - arrived < 100
    assert count_records(tmp_path) == 0


@pytest.mark.long
async def test_a_stand_by_publishes_what_a_killed_leader_left_before_anything_of_its_own(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with publishing(kafka.url, tmp_path) as (stand_by, _):
        spooled = await killed_while_kafka_stands_still(kafka, tmp_path, "left")
        await stand_by.recover()
        stand_by.offer(numbered("left", spooled, spooled + 100))
        assert stand_by.spooled_until
        assert stand_by.spooled_until.timestamp() == 1e9 + spooled - 1
        assert await stand_by.flush(20)

    found = await stored(kafka.url, "left")
    assert complete(found, "left", spooled + 100)
    assert all(numbers == sorted(numbers) for numbers in map(first_seen, found.values()))
    assert count_records(tmp_path) == 0


@pytest.mark.long
async def test_what_a_worker_leaves_that_dies_beside_another_is_found_within_a_minute(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RECOVER_SECONDS", 0.1)
    async with publishing(kafka.url, tmp_path):
        spooled = await killed_while_kafka_stands_still(kafka, tmp_path, "found")
        await until(lambda: count_records(tmp_path) == 0)

    assert complete(await stored(kafka.url, "found"), "found", spooled)


async def killed_while_kafka_stands_still(kafka: Kafka, home: Path, name: str) -> int:
    """Return how many records a worker leaves on the disk that is killed."""
    request(kafka, signal.SIGSTOP)
    arguments = [sys.executable, "-c", CHILD, kafka.url, str(home), name]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as child:  # noqa: ASYNC220
        await until(lambda: count_records(home) > 300)
        child.kill()
    spooled = count_records(home)
    request(kafka, signal.SIGCONT)
    return spooled


def _read_until(lines: Iterator[str], number: int) -> None:
    while int(next(lines)) < number:
        pass


def _last(lines: Iterator[str]) -> int:
    return int([line for line in lines if line.endswith("\n")][-1])
