"""Samples of the workers' resource use and consumer lag, once a second."""

import asyncio
from collections import defaultdict
from time import monotonic
from typing import NamedTuple

from iss_agents.local_stack.worker_metrics import Samples
from iss_agents.telemetry.topics import AGENTS_GROUP, ARCHIVE_GROUP
from iss_agents.tools.testbed.system import System

SAMPLE_SECONDS = 1.0


class Sample(NamedTuple):
    """Sample of a worker, `at` seconds after the start. `memory` is resident, in MB; lags in records."""

    at: float
    memory: float
    files: int
    tasks: int
    agents_lag: int
    archive_lag: int


class Series:
    """The samples of every worker, by its name."""

    def __init__(self, system: System) -> None:
        self.of_worker: defaultdict[str, list[Sample]] = defaultdict(list)
        self._system = system
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the series began."""
        return monotonic() - self._began

    async def run(self) -> None:
        """Sample every worker once a second, for ever; one that does not answer is skipped."""
        while True:
            for name, worker in list(self._system.workers.items()):
                samples = await worker.samples() if worker.program.running else None
                if samples:
                    self.of_worker[name].append(sample_of(samples, self.seconds))
            await asyncio.sleep(SAMPLE_SECONDS)


def sample_of(samples: Samples, at: float) -> Sample:
    """Return the sample in a worker's metrics."""
    return Sample(
        at=at,
        memory=samples.total("process_resident_memory_bytes") / 1e6,
        files=samples.total("process_open_fds"),
        tasks=samples.total("iss_tasks"),
        agents_lag=samples.total("iss_consumer_lag", group=AGENTS_GROUP),
        archive_lag=samples.total("iss_consumer_lag", group=ARCHIVE_GROUP),
    )
