"""A worker with all roles that has little to do: 70 updates/s, as the station sends.

What that costs is wakes and requests to Kafka, not readings. So wakes are counted: a slow machine has as many.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from iss_agents.tools.testbed.bench_stack import running_stack
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.worker import Worker

RATE = 70.0

MOST_WAKES = 350
"""Of all threads together, a second: 205 to 235, and 700 to 1,100 before updates were collected (measured)."""

MOST_MEMORY = 160e6
"""Bytes: 115 MB, and 135 MB where Python may not keep the modules that it has compiled (measured)."""

SECONDS = 10.0


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_worker_with_little_to_do_rarely_wakes_and_stays_small() -> None:
    async with running_stack(keeping=True) as stack:
        worker = stack.worker("idle", "feed,agents,archive,web", **stack.broadcast(RATE))
        await until("all parts of the worker work", lambda: works(worker), 120)
        before, began, seen = wakes(worker), monotonic(), await total(worker, "iss_last_seen_total")
        await asyncio.sleep(SECONDS)  # waits for nothing: wakes are counted meanwhile
        seconds = monotonic() - began
        woken, received = wakes(worker) - before, await total(worker, "iss_last_seen_total") - seen
        memory = await total(worker, "process_resident_memory_bytes")

    assert received / seconds > RATE / 2
    assert woken / seconds < MOST_WAKES
    assert memory < MOST_MEMORY


async def works(worker: Worker) -> bool:
    health = await worker.document("/healthz")
    is_healthy = bool(health and all(part["ok"] for part in health["parts"].values()))
    return is_healthy and await total(worker, "iss_last_seen_total") > 0


async def total(worker: Worker, metric: str) -> float:
    samples = await worker.samples()
    assert samples, "the worker shows no metrics"
    return samples.total(metric)


def wakes(worker: Worker) -> int:
    """Return how often the worker's threads have gone to sleep so far."""
    return sum(map(voluntary_switches, Path(f"/proc/{worker.program.pid}/task").iterdir()))


def voluntary_switches(thread: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):  # a thread may have ended
        lines = (thread / "status").read_text(encoding="utf-8").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return 0
