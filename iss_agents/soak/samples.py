"""What the workers use and how far behind they are, looked at once a second."""

import asyncio
from collections import defaultdict
from time import monotonic
from typing import NamedTuple

from iss_agents.embedded.figures import ARCHIVE_GROUP, Samples
from iss_agents.soak.system import System
from iss_agents.verification.verify import AGENTS

LOOK_SECONDS = 1.0


class Sample(NamedTuple):
    """One look at a worker, `at` seconds after the beginning. `memory` is resident, in MB; lags in records."""

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
        """How long ago the series began."""
        return monotonic() - self._began

    async def take(self) -> None:
        """Look at every worker once a second, for ever; one that does not answer is left out."""
        while True:
            for name, worker in list(self._system.workers.items()):
                samples = await worker.samples() if worker.program.running else None
                if samples:
                    self.of_worker[name].append(sample_of(samples, self.seconds))
            await asyncio.sleep(LOOK_SECONDS)


def sample_of(samples: Samples, at: float) -> Sample:
    """Return what a worker's metrics say."""
    return Sample(
        at=at,
        memory=samples.total("process_resident_memory_bytes") / 1e6,
        files=samples.total("process_open_fds"),
        tasks=samples.total("iss_tasks"),
        agents_lag=samples.total("iss_consumer_lag", group=AGENTS),
        archive_lag=samples.total("iss_consumer_lag", group=ARCHIVE_GROUP),
    )
