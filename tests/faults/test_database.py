"""MongoDB is away, dies and stands still: only the archive waits, and then it catches up.

What single writes meet (each error, refused documents, a wrong password) is tested in tests/archive.
"""

import asyncio
from typing import Any

import pytest

from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.fail_points import NOT_PRIMARY, SLOW, failing_database
from iss_agents.tools.testbed.polling import until
from tests.faults.lengths import DATABASE_AWAY_SECONDS, TEST_SECONDS
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(TEST_SECONDS)]

LONGEST_LATENCY = 5.0
"""Seconds from ingest to what a worker shows, in the mean; 0.1 s on an idle machine."""


async def test_mongodb_is_away_and_only_the_archive_notices(stage: Stage) -> None:
    await stage.recovered("nothing")
    before = await stage.latency()
    await processes.end(stage.system.database)
    await until("the archive says so", lambda: _ails(stage, "database"), SETTLE_SECONDS)
    await asyncio.sleep(DATABASE_AWAY_SECONDS)
    ailing = await _ailing(stage)
    during = await stage.latency()
    await stage.system.start_database()
    await stage.recovered(f"MongoDB away for {DATABASE_AWAY_SECONDS} s")
    print(f"ingest to state: {before:.2f} s before, {during:.2f} s meanwhile")  # noqa: T201

    assert ailing == {"archive", "database"}
    assert during < LONGEST_LATENCY
    assert await stage.differences() == []


async def test_mongodb_is_killed_and_then_stands_still(stage: Stage) -> None:
    await stage.recovered("nothing")
    await processes.kill(stage.system.database)
    await stage.system.start_database()
    await stage.recovered("MongoDB killed and started")
    async with processes.halted(stage.system.database):
        await asyncio.sleep(DATABASE_AWAY_SECONDS)
    await stage.recovered(f"MongoDB halted for {DATABASE_AWAY_SECONDS} s")

    assert await stage.differences() == []


@pytest.mark.parametrize("fault", [SLOW, NOT_PRIMARY], ids=["slow", "refusing"])
async def test_mongodb_takes_two_seconds_a_write_or_refuses_it(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.recovered("nothing")
    before = await stage.latency()
    async with failing_database(stage.system.settings, fault):
        await asyncio.sleep(DATABASE_AWAY_SECONDS)
        during = await stage.latency()
    await stage.recovered(f"MongoDB with {fault} for {DATABASE_AWAY_SECONDS} s")
    print(f"ingest to state: {before:.2f} s before, {during:.2f} s meanwhile")  # noqa: T201

    assert during < LONGEST_LATENCY
    assert await stage.differences() == []


async def _ails(stage: Stage, part: str) -> bool:
    return part in await _ailing(stage)


async def _ailing(stage: Stage) -> set[str]:
    health = await stage.worker.document("/healthz")
    return {name for name, part in health["parts"].items() if not part["ok"]}
