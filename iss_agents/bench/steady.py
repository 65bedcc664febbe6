"""The whole pipeline at a steady rate: how late a reading is on its way, and what that costs."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic

from prometheus_client import generate_latest

from iss_agents.archive.intake import GROUP as ARCHIVE_GROUP
from iss_agents.bench.driving import Driving
from iss_agents.bench.histogram import Histogram
from iss_agents.bench.processor import Clock
from iss_agents.bench.stand import Stand, standing
from iss_agents.embedded.figures import Samples
from iss_agents.errors import UserError
from iss_agents.soak.patience import until
from iss_agents.soak.worker import Worker
from iss_agents.verification.verify import AGENTS

ROLES = "agents,archive,web"
START_SECONDS = 90.0
SETTLE_SECONDS = 10.0
"""After this long a worker has its connections and has met every item."""

WAYS = {
    "published": "iss_ingest_to_publish_seconds",
    "state": "iss_ingest_to_state_seconds",
    "persisted": "iss_ingest_to_persist_seconds",
}
"""Station of the way -> the histogram of the seconds from ingest to it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Steady:
    """`rate` readings a second for `seconds`.

    `latencies`: station of the way -> percentile (50, 95, 99) -> seconds from ingest. `cores`: program -> share
    of a core. `memory` of the worker is in MB. `lag`: records that agents and archive were behind, halfway and
    at the end: it must not grow. With `kept` the database was a real one.
    """

    rate: float
    seconds: float
    kept: bool
    latencies: Mapping[str, Mapping[int, float]]
    cores: Mapping[str, float]
    memory: float
    lag: tuple[int, int]

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return asdict(self)


async def measure_steady(rate: float, seconds: float, say: Say, *, keeping: bool) -> Steady:
    """Return what a steady rate comes to, with a real database if `keeping`.

    Raises:
        UserError: a part could not start, or the worker does not answer.
    """
    database = "a database" if keeping else "a database that only acknowledges"
    say(f"{rate:,.0f} readings/s for {seconds:.0f} s, with {database}")
    async with standing(keeping=keeping) as stand:
        worker = stand.worker("worker", ROLES)
        await until("the worker works", lambda: _works(worker), START_SECONDS)
        driving = Driving(stand.settings, rate)
        await driving.start()
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            return await _measure(stand, worker, rate, seconds, keeping=keeping)
        finally:
            await driving.stop()


async def _measure(stand: Stand, worker: Worker, rate: float, seconds: float, *, keeping: bool) -> Steady:
    assert worker.program.pid  # noqa: S101 - it answers
    before = await _histograms(worker)
    clock = Clock({"worker": worker.program.pid, "feed": os.getpid()} | stand.programs)
    began = monotonic()
    await asyncio.sleep(seconds / 2)
    halfway = _lag(await _samples(worker))
    await asyncio.sleep(seconds / 2)
    taken, passed = clock.taken(), monotonic() - began
    after, samples = await _histograms(worker), await _samples(worker)
    return Steady(
        rate=rate,
        seconds=passed,
        kept=keeping,
        latencies={way: after[way].since(before[way]).percentiles() for way in WAYS},
        cores={name: used / passed for name, used in taken.items()},
        memory=samples.total("process_resident_memory_bytes") / 1e6,
        lag=(halfway, _lag(samples)),
    )


async def _histograms(worker: Worker) -> dict[str, Histogram]:
    ours, theirs = Samples(generate_latest().decode()), await _samples(worker)
    # What is published is measured here, where the feed's stage runs.
    return {way: Histogram.of(ours if way == "published" else theirs, name) for way, name in WAYS.items()}


async def _samples(worker: Worker) -> Samples:
    samples = await worker.samples()
    if samples is None:
        raise UserError("The worker does not answer any more: the rate is beyond what it can do.")
    return samples


def _lag(samples: Samples) -> int:
    return sum(samples.total("iss_consumer_lag", group=group) for group in (AGENTS, ARCHIVE_GROUP))


async def _works(worker: Worker) -> bool:
    health = await worker.document("/healthz")
    return bool(health) and all(part["ok"] for part in health["parts"].values())
