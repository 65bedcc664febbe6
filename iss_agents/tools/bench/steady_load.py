"""Steady load: latency and cost of the whole pipeline at a constant rate."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from time import monotonic
from typing import NamedTuple

from prometheus_client import generate_latest

from iss_agents.errors import UserError
from iss_agents.local_stack.worker_metrics import Samples
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import AGENTS_GROUP, ARCHIVE_GROUP, RAW
from iss_agents.tools.bench.cpu_time import Clock
from iss_agents.tools.bench.histogram import Histogram
from iss_agents.tools.bench.load import LoadGenerator
from iss_agents.tools.testbed.bench_stack import BenchStack, running_stack
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.worker import Worker

ROLES = "agents,archive,web"
START_SECONDS = 90.0
SETTLE_SECONDS = 10.0
"""Warm-up: by then a worker has its connections and has seen every item."""

WAYS = {
    "published": "iss_ingest_to_publish_seconds",
    "state": "iss_ingest_to_state_seconds",
    "persisted": "iss_ingest_to_persist_seconds",
}
"""Station of the way -> the histogram of the seconds from ingest to it."""

Say = Callable[[str], None]


class Load(NamedTuple):
    """`rate` readings a second on so many workers; `kept` in a real database, or only acknowledged.

    With `client` they come over a socket from a simulated station through the Lightstreamer client of each
    worker, which takes its shard of the items; without it from this process, which does what the feed does
    behind its client, for the items of so many raw `partitions`. Where `apart`, the feeds run in workers of
    their own, as the rest needs a core too.
    """

    rate: float
    kept: bool
    workers: int = 1
    client: bool = False
    apart: bool = False
    partitions: int = RAW.partitions

    def __str__(self) -> str:
        database = "a database" if self.kept else "a database that only acknowledges"
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        through = " with the client" if self.client else ""
        apart = ", its feed apart" if self.apart else ""
        where = "" if self.partitions == RAW.partitions else f" in {self.partitions} partition(s)"
        return f"{self.rate:,.0f} readings/s{where}, {workers}{through}{apart}, {database}"


@dataclass(frozen=True)
class Steady:
    """A load for `seconds`.

    `latencies`: station of the way -> percentile (50, 95, 99) -> seconds from ingest. `cores`: program -> share
    of a core, all workers together. `shares`: of the readings, each worker's. `memory` of the largest worker is
    in MB. `lag`: records that agents and archive were behind, halfway and at the end: it must not grow.
    """

    load: Load
    seconds: float
    latencies: Mapping[str, Mapping[int, float]]
    cores: Mapping[str, float]
    shares: Sequence[float]
    memory: float
    lag: tuple[int, int]

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {**self.load._asdict(), **asdict(self), "load": str(self.load)}


class Unmeasured(NamedTuple):
    """A load that could not be measured, and why: as a rule it is more than this machine can do."""

    load: Load
    reason: str

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {**self.load._asdict(), "load": str(self.load), "reason": self.reason}


async def measure_steady(load: Load, seconds: float, say: Say) -> Steady:
    """Return what a load comes to.

    Raises:
        UserError: a part could not start, or a worker does not answer.
    """
    say(f"{load} for {seconds:.0f} s")
    async with running_stack(keeping=load.kept) as stack:
        workers = _workers(stack, load)
        await until("the workers work", lambda: _work(workers), START_SECONDS)
        async with _generated_load(stack, load):
            await asyncio.sleep(SETTLE_SECONDS)
            return await _measure(stack, workers, load, seconds)


def _workers(stack: BenchStack, load: Load) -> list[Worker]:
    shards = Shard(1, load.workers).siblings
    if not load.client:
        return [stack.worker(f"worker-{shard.number}", ROLES) for shard in shards]
    station = stack.broadcast(load.rate)
    roles = "feed,web" if load.apart else f"feed,{ROLES}"
    feeds = [
        stack.worker(f"worker-{shard.number}", roles, **station, ISS_FEED_SHARD=str(shard)) for shard in shards
    ]
    rest = [stack.worker(f"rest-{shard.number}", ROLES) for shard in shards] if load.apart else []
    return [*feeds, *rest]


@asynccontextmanager
async def _generated_load(stack: BenchStack, load: Load) -> AsyncIterator[None]:
    if load.client:
        yield
        return
    generator = LoadGenerator(stack.settings, load.rate, load.partitions)
    await generator.start()
    try:
        yield
    finally:
        await generator.stop()


async def _measure(stack: BenchStack, workers: Sequence[Worker], load: Load, seconds: float) -> Steady:
    pids = {worker.name: worker.program.pid for worker in workers if worker.program.pid}
    before = await _snapshot(workers)
    clock = Clock(pids | {"feed": os.getpid()} | stack.programs)
    began = monotonic()
    await asyncio.sleep(seconds / 2)
    halfway = _lag(await _snapshot(workers))
    await asyncio.sleep(seconds / 2)
    taken, passed = clock.taken(), monotonic() - began
    after = await _snapshot(workers)
    cores = {"worker": sum(taken.pop(name) for name in pids), **taken}
    return Steady(
        load=load,
        seconds=passed,
        latencies={way: _histogram(after, way).since(_histogram(before, way)).percentiles() for way in WAYS},
        cores={name: used / passed for name, used in cores.items()},
        shares=_shares(before, after),
        memory=max(each.total("process_resident_memory_bytes") for each in after.workers) / 1e6,
        lag=(halfway, _lag(after)),
    )


class Snapshot(NamedTuple):
    """The metrics of every worker, and of this process, where the feed's stage runs without a client."""

    workers: Sequence[Samples]
    feed: Samples


async def _snapshot(workers: Sequence[Worker]) -> Snapshot:
    return Snapshot([await _samples(worker) for worker in workers], Samples(generate_latest().decode()))


def _histogram(snapshot: Snapshot, way: str) -> Histogram:
    return Histogram.of([snapshot.feed, *snapshot.workers], WAYS[way])


def _shares(before: Snapshot, after: Snapshot) -> list[float]:
    counts = [
        now.total("iss_last_seen_total") - then.total("iss_last_seen_total")
        for then, now in zip(before.workers, after.workers, strict=True)
    ]
    return [count / max(sum(counts), 1) for count in counts]


async def _samples(worker: Worker) -> Samples:
    samples = await worker.samples()
    if samples is None:
        raise UserError("A worker does not answer any more: the rate is beyond what it can do.")
    return samples


def _lag(snapshot: Snapshot) -> int:
    groups = (AGENTS_GROUP, ARCHIVE_GROUP)
    return sum(each.total("iss_consumer_lag", group=group) for each in snapshot.workers for group in groups)


async def _work(workers: Sequence[Worker]) -> bool:
    healths = [await worker.document("/healthz") for worker in workers]
    return all(health and all(part["ok"] for part in health["parts"].values()) for health in healths)
