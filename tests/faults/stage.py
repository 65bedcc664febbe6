"""A whole system under 500 readings a second, for one test that takes something away from it."""

from pathlib import Path

from iss_agents.soak.feeding import Feeding
from iss_agents.soak.oracle import Given, differences, settle
from iss_agents.soak.patience import until
from iss_agents.soak.recovery import Recovery, recovery
from iss_agents.soak.system import System
from iss_agents.soak.worker import Worker

RATE = 500
SETTLE_SECONDS = 180
LATENCY_READINGS = 1_000


class Stage:
    """The system, its feed, and what was measured. `worker` is the one that is there from the beginning.

    `variables` are more of that worker's environment.
    """

    worker: Worker
    feeding: Feeding

    def __init__(self, folder: Path, **variables: str) -> None:
        self.system = System(folder)
        self._variables = variables

    async def begin(self) -> None:
        """Start everything and return when readings are shown and stored."""
        await self.system.start()
        self.feeding = Feeding(self.system.settings, RATE, seed=1)
        await self.feeding.start()
        self.worker = self.system.worker("one", **self._variables)
        await self.system.working(self.worker)
        self.feeding.send_broken()

    async def end(self) -> None:
        """Stop everything, whatever the test has come to."""
        if hasattr(self, "feeding"):
            await self.feeding.abandon()
        await self.system.stop()

    async def recovered(self, fault: str) -> Recovery:
        """Return, and print, how long it takes from now until what was given is shown and stored."""
        took = await recovery(self.system, self.feeding.numbers)
        print(f"{fault}: shown after {took.shown:.1f} s, stored after {took.stored:.1f} s")  # noqa: T201
        return took

    async def latency(self) -> float:
        """Return the seconds from ingest to state, in the mean of a few seconds from now."""
        before = await self._latencies()

        async def enough() -> bool:
            return (await self._latencies())[1] >= before[1] + LATENCY_READINGS

        await until("enough readings are shown", enough, SETTLE_SECONDS)
        total, count = await self._latencies()
        return (total - before[0]) / (count - before[1])

    async def _latencies(self) -> tuple[float, float]:
        samples = await self.worker.samples()
        assert samples
        name = "iss_ingest_to_state_seconds"
        total, count = (next(samples.matching(f"{name}_{kind}")).value for kind in ("sum", "count"))
        return total, count

    async def differences(self) -> list[str]:
        """Stop the feed, wait until everything is done, and return what is not as it should be."""
        assert await self.feeding.stop()
        await settle(self.system.settings, SETTLE_SECONDS)
        numbers = self.feeding.numbers
        return await differences(self.system.settings, Given(numbers, numbers.last(), self.feeding.broken))
