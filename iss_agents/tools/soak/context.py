"""Context of a fault: the system, its two loads, and the notes for the final evaluation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from iss_agents.tools.soak.expected_state import DeletedTopics
from iss_agents.tools.soak.invariants import Given, settle
from iss_agents.tools.soak.load import LoadGenerator
from iss_agents.tools.soak.recovery import station_recovery
from iss_agents.tools.soak.station import StationLoad
from iss_agents.tools.testbed.system import System
from iss_agents.tools.testbed.worker import Worker

MAIN, GUEST, FEED = "one", "two", "listener"
"""Names of workers: the permanent one, one that comes and goes, and the one with the feed."""

SHORT = (1.0, 5.0)
LONG = (5.0, 20.0)
"""Seconds. A Kafka session lasts 10 s, so a worker that is suspended for long loses its partitions."""

QUIET_SECONDS = 120.0


@dataclass
class SoakContext:
    """What a fault works on. `found` are differences that the fault itself has detected.

    `detail` describes what the current fault chose at random.
    """

    system: System
    generator: LoadGenerator
    station: StationLoad
    random: Random
    deleted: DeletedTopics = field(default_factory=DeletedTopics)
    found: list[str] = field(default_factory=list)
    detail: str = ""

    @property
    def given(self) -> Given:
        """What has been sent so far."""
        load = self.generator.given
        return Given(load.start, [*load.sources, self.station], load.broken, self.deleted)

    @property
    def given_count(self) -> int:
        """How many numbers have been sent so far."""
        return self.generator.numbers.given + self.station.given

    @property
    def main(self) -> Worker:
        """The permanent worker."""
        return self.system.worker(MAIN)

    @property
    def feed(self) -> Worker:
        """The worker that listens to the station."""
        return self.system.workers[FEED]

    async def guest(self) -> Worker:
        """Return a second worker, running."""
        guest = self.system.worker(GUEST)
        if not guest.wanted:
            guest.start()
        await self.system.working(guest)
        return guest

    async def pass_time(self, span: tuple[float, float]) -> None:
        """Wait for a random time within the span."""
        await asyncio.sleep(self.random.uniform(*span))

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Send nothing during the block, which starts once everything has been committed."""
        with self.generator.paused(), self.station.paused():
            await self.generator.publisher.flush(QUIET_SECONDS)
            await station_recovery(self.system, self.station)
            await settle(self.system.settings, QUIET_SECONDS)
            yield


Fault = Callable[[SoakContext], Awaitable[None]]


def name_of(fault: Fault) -> str:
    """Return the name of a fault, such as `kill worker`."""
    return fault.__name__.replace("_", " ")
