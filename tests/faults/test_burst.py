"""Ten seconds of 10,000 updates a second behind the client, while Kafka is slow: bounded, ordered, complete."""

import asyncio
import resource
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from iss_agents.feed.decode import Update
from iss_agents.feed.outbox import PENDING_LIMIT
from iss_agents.feed.pipeline import Pipeline
from iss_agents.feed.publisher import Publisher
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.kafka.reader import open_reader
from iss_agents.runtime import metrics
from iss_agents.runtime.health import Health
from iss_agents.simulator.updates import measured
from iss_agents.telemetry.records import decode_reading
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.sequence import Numbers
from iss_agents.tools.testbed.system import System

pytestmark = pytest.mark.long

RATE = 10_000
BURST = timedelta(seconds=10)
CATCH_UP = timedelta(milliseconds=20)
"""What comes at once, every 10 ms, after the machine has stood still."""

MOST_MEMORY = 100_000
"""KiB that the process may grow by: what is unsent is on disk and not in memory."""


async def test_a_burst_while_kafka_is_slow_is_bounded_and_complete(tmp_path: Path) -> None:
    quiet_kafka_logs()
    system = System(tmp_path)
    await system.start()
    publisher = Publisher(system.settings, Health())
    await publisher.start()
    memory, spooled = _memory(), metrics.SPOOLED._value.get()
    try:
        async with processes.slowed(system.kafka):
            numbers, most = await _burst(publisher)
        assert await publisher.flush(60)
        counts = await _on_the_bus(system)
    finally:
        await publisher.stop()
        await system.stop()
    grown = _memory() - memory
    print(f"{numbers.given:,} in {BURST}: {most:,} in memory at most, {grown / 1000:.0f} MB more")  # noqa: T201

    assert counts == {item: list(range(1, last + 1)) for item, last in numbers.last().items()}
    assert numbers.given >= RATE * BURST.total_seconds() * 0.9
    assert most <= PENDING_LIMIT
    assert grown < MOST_MEMORY
    assert metrics.SPOOLED._value.get() > spooled


async def _burst(publisher: Publisher) -> tuple[Numbers, int]:
    """Give what a client would; return the numbers, and how many records waited in memory at most."""
    pipeline, numbers, most = Pipeline("simulated"), Numbers(datetime.now(UTC), RATE), 0
    now, end = numbers.start, numbers.start + BURST
    while now < end:
        now = min(datetime.now(UTC), now + CATCH_UP, end)
        updates = [
            Update(item, dict(measured(item, time, str(number)).fields), snapshot=False, session=1, arrival=now)
            for item, number, time in numbers.due(now)
        ]
        if updates:
            publisher.offer(pipeline.process(updates, monotonic()))
        most = max(most, publisher.pending)
        await asyncio.sleep(0.01)
    publisher.offer(pipeline.finish(now, monotonic()))
    return numbers, most


async def _on_the_bus(system: System) -> dict[str, list[int]]:
    """Return item -> its counts, in the order in which Kafka has them."""
    counts: defaultdict[str, list[int]] = defaultdict(list)
    async with open_reader(system.settings) as reader:
        async for records in reader.records(RAW):
            for reading in (decode_reading(record.value) for record in records):
                counts[reading.item_id].append(int(reading.value))
    return counts


def _memory() -> int:
    """Return the most that this process has held so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
