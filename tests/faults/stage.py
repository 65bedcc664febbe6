"""A whole system under load, for one test that takes something away from it."""

from pathlib import Path

from iss_agents.tools.soak.invariants import differences, settle
from iss_agents.tools.soak.load import LoadGenerator
from iss_agents.tools.soak.recovery import Recovery, recovery
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.system import System
from iss_agents.tools.testbed.worker import Worker
from tests.faults.lengths import RATE

SETTLE_SECONDS = 180
LATENCY_READINGS = 500


class Stage:
    """The system, its feed, and what was measured. `worker` is the one that is there from the beginning.

    `variables` are more of that worker's environment.
    """

    worker: Worker
    generator: LoadGenerator

    def __init__(self, folder: Path, **variables: str) -> None:
        self.system = System(folder)
        self._variables = variables

    async def begin(self) -> None:
        """Start everything and return when readings are shown and stored."""
        await self.system.start()
        self.generator = LoadGenerator(self.system.settings, RATE, seed=1)
        await self.generator.start()
        self.worker = self.system.worker("one", **self._variables)
        await self.system.working(self.worker)
        self.generator.send_broken()

    async def end(self) -> None:
        """Stop everything, whatever the test has come to."""
        if hasattr(self, "generator"):
            await self.generator.abandon()
        await self.system.stop()

    async def recovered(self, fault: str) -> Recovery:
        """Return, and print, how long it takes from now until what was given is shown and stored."""
        took = await recovery(self.system, self.generator.numbers)
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
        assert await self.generator.stop()
        await settle(self.system.settings, SETTLE_SECONDS)
        return await differences(self.system.settings, self.generator.given)
