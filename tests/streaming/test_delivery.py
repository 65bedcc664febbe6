"""Faust workers on real Kafka: what they are given, and what they commit, whoever joins and leaves."""

import signal
import subprocess
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.streaming.rig import Rig, end
from tests.streaming.storm import storm
from tests.waiting import until

pytestmark = pytest.mark.long

MOST_REPEATED = 0.05
"""A killed worker repeats what it finished since its last commit, at most a second of its share."""


@pytest.fixture
async def rig(kafka_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    numbered = Rig(kafka_url, tmp_path)
    await numbered.start()
    yield numbered
    await numbered.stop()


async def test_a_backlog_comes_in_lists_each_record_once_and_the_commit_reaches_its_end(rig: Rig) -> None:
    await rig.send(20_000)
    rig.worker("only")

    await until(rig.caught_up)

    assert rig.given() == [list(range(end)) for end in await rig.ends()]
    lists = rig.deliveries()["only"]
    assert all(later[0] == earlier[1] + 1 for spans in lists.values() for earlier, later in pairwise(spans))
    assert max(last - first + 1 for spans in lists.values() for first, last in spans) > 500


async def test_a_restarted_worker_goes_on_where_the_commit_stands(rig: Rig) -> None:
    await rig.send(2_000)
    await end_when_caught_up(rig, rig.worker("first"))
    await rig.send(2_000)
    await end_when_caught_up(rig, rig.worker("second"))

    assert rig.given() == [list(range(end)) for end in await rig.ends()]


async def test_a_storm_of_workers_costs_nothing_and_repeats_little(rig: Rig) -> None:
    outcome = await storm(rig, cycles=5)
    print(outcome)  # noqa: T201

    assert (outcome.missed, outcome.early, outcome.uncommitted) == (0, 0, 0)
    assert outcome.sent > 20_000
    assert outcome.repeated < MOST_REPEATED * outcome.sent


async def test_a_partition_is_in_order_for_each_worker_that_has_it(rig: Rig) -> None:
    rig.worker("stays")
    async with rig.load(rate=1_000):
        await until(lambda: rig.has_given("stays"))
        leaving = rig.worker("leaves")
        await until(lambda: rig.has_given("leaves"))
        await end(leaving, signal.SIGTERM)
    await until(rig.caught_up)

    given = rig.given()
    repeated = sum(len(offsets) - len(set(offsets)) for offsets in given)
    assert rig.early() == 0
    assert repeated < MOST_REPEATED * rig.sent
    for lists in rig.deliveries().values():
        for spans in lists.values():
            assert all(later[0] > earlier[0] for earlier, later in pairwise(spans))


async def end_when_caught_up(rig: Rig, worker: subprocess.Popen[bytes]) -> None:
    await until(rig.caught_up)
    await end(worker, signal.SIGTERM)
