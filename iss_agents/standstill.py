"""Notice that this process stood still (SIGSTOP, a paused machine) for longer than its Kafka session lasts.

Its partitions have another owner then, and what it writes would overwrite newer values: so it must end without
acknowledging anything.
"""

from time import monotonic, time

from mode import Service

from iss_agents.giving_up import give_up

BEAT_SECONDS = 0.5


class Standstill(Service):
    """A heartbeat of the event loop that agents check before each list."""

    def __init__(self, longest_seconds: float) -> None:
        super().__init__()
        self._longest = longest_seconds
        self._beat_at = _clocks()

    async def on_start(self) -> None:
        """Begin to count: a start that takes long is no standstill, for no partition is ours yet."""
        self._beat_at = _clocks()

    @Service.task
    async def _beat(self) -> None:
        while not self.should_stop:
            self.check()
            self._beat_at = _clocks()
            await self.sleep(BEAT_SECONDS)

    def check(self) -> None:
        """End the process at once if it stood still for longer than its session."""
        stood = self.stood_for(_clocks())
        if stood > self._longest:
            give_up("this process stood still for %.0f s and its partitions have another owner", stood)

    def stood_for(self, clocks: tuple[float, float]) -> float:
        """Return the seconds since the last beat by the clock that moved more: one may stop too."""
        return max(now - then for now, then in zip(clocks, self._beat_at, strict=True))


def _clocks() -> tuple[float, float]:
    return monotonic(), time()
