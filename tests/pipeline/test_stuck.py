"""A worker whose parts get stuck says so, and ends for its supervisor to start it; one that waits goes on."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pymongo.collection import Collection

from iss_agents.local_stack.database import Database
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.fail_fast import EXIT_CODE
from iss_agents.simulator.station import Station
from tests.pipeline.bot import health
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = pytest.mark.long

CABIN = "USLAB000058"
ENDS = 10.0
"""Seconds of a stall that end the process here, 300 as it is: thirty times as fast."""

BLOCKED = 8.0
"""The same of an event loop, which a busy machine may hold up for seconds, too."""

FASTER = f"""
import asyncio
import time
from iss_agents.kafka import group_monitor
from iss_agents.watchdogs import event_loop, stalls
from iss_agents.archive import mongo
group_monitor.POLL_SECONDS, group_monitor.ANSWER_SECONDS = 0.2, 1.0
stalls.THRESHOLDS = stalls.StallThresholds(report_after=1.0, exit_after={ENDS})
event_loop.BLOCKED_SECONDS = {BLOCKED}
mongo.SELECTION_MS = 200
"""
"""Python runs this in a worker before all else."""

HANGING = """
async def hang(*arguments):
    await asyncio.Event().wait()
"""

AGENT = """
from iss_agents.streaming import decoding
whole = decoding.readings_of
async def readings_of(records, outputs):
    if any(b"stop here" in record.value for record in records):
        {how}
    return await whole(records, outputs)
decoding.readings_of = readings_of
"""

ARCHIVE = """
from iss_agents.archive import sink
whole = sink.store
async def store(database, refusals, topic, messages, *others):
    if any(b"stop here" in message.value for message in messages):
        await hang()
    return await whole(database, refusals, topic, messages, *others)
sink.store = store
"""

Make = Callable[[str], dict[str, str]]


@pytest.fixture
def variables(broker: Broker, station: Station, environment: dict[str, str], tmp_path: Path) -> Make:
    """Return the variables of a worker that runs this program first. Kafka runs."""
    broker.start()

    def with_program(program: str) -> dict[str, str]:
        (tmp_path / "sitecustomize.py").write_text(FASTER + HANGING + program)
        return environment | {"ISS_FEED_URL": station.url, "PYTHONPATH": str(tmp_path)}

    return with_program


async def follow(worker: Worker, station: Station, readings: Collection[dict[str, Any]]) -> None:
    station.signal()
    await until(worker.healthy, START_SECONDS)
    station.publish(CABIN, "745.2")
    await until(lambda: readings.count_documents({"value": "745.2"}) == 1)


async def until_ended(worker: Worker) -> int | None:
    await until(lambda: worker.process and worker.process.poll() is not None)
    assert worker.process
    return worker.process.returncode


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (AGENT.format(how="await hang()"), "telemetry.raw.v1 "),
        (ARCHIVE, "the archive's telemetry.raw.v1 "),
    ],
    ids=["agent", "archive"],
)
async def test_a_part_that_hangs_is_said_in_the_health_and_then_ends_the_process(
    variables: Make,
    station: Station,
    readings: Collection[dict[str, Any]],
    tmp_path: Path,
    program: str,
    words: str,
) -> None:
    async with running(tmp_path / "home", **variables(program)) as worker:
        await follow(worker, station, readings)
        station.publish(CABIN, "stop here")
        await until(lambda: says(worker, f"no progress: {words}"))
        assert await worker.status("/healthz") == 503

        assert await until_ended(worker) == EXIT_CODE
        assert f"s: {words}" in worker.log
        assert "the worker ends so that nothing is lost" in worker.log


async def says(worker: Worker, words: str) -> bool:
    said = (await health(worker)).get("watchdog", {"detail": "nothing yet"})
    return bool(said["detail"].startswith(words))


async def test_an_agent_that_blocks_the_event_loop_ends_the_process(
    variables: Make, station: Station, readings: Collection[dict[str, Any]], tmp_path: Path
) -> None:
    async with running(tmp_path / "home", **variables(AGENT.format(how="time.sleep(600)"))) as worker:
        await follow(worker, station, readings)
        station.publish(CABIN, "stop here")

        assert await until_ended(worker) == EXIT_CODE
        assert "time.sleep(600)" in worker.log
        assert f"the event loop has been blocked for {BLOCKED:.0f} s" in worker.log


async def test_longer_without_mongodb_and_without_kafka_than_a_stall_may_last_ends_nothing(
    variables: Make, broker: Broker, station: Station, tmp_path: Path
) -> None:
    database = Database(tmp_path / "database", free_port())
    program = database.start()
    program.wait_until(database.ready)
    home = variables("") | {"ISS_MONGO_URL": database.url}
    async with running(tmp_path / "home", **home) as worker:
        station.signal()
        await until(worker.healthy, START_SECONDS)
        for away in (program, broker.program):
            away.stop()
            began, count = monotonic(), 0
            while monotonic() - began < 1.5 * ENDS:
                count += 1
                station.publish(CABIN, f"{id(away)}.{count}")
                await until(lambda: worker.status("/metrics"))
            assert await worker.status("/healthz") == 503
            (program if away is program else broker).start()
        await until(worker.healthy)

        assert worker.process
        assert worker.process.poll() is None
    program.stop()
