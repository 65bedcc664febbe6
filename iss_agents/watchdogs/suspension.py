"""Suspension fence: ends a process that was suspended (SIGSTOP, a paused machine) for longer than its session.

Its partitions have another owner then: it is a zombie. So it ends, without acknowledging anything, as soon as
it notices: before a batch, before each attempt to write, before another attempt to post. Records that its
producer already had may reach Kafka all the same: duplicates of derived records are recognised by their ids,
old values of Tables by their versions (`streaming/tables.py`).
"""

import time
from collections.abc import Callable

from mode import Service

from iss_agents.runtime.fail_fast import fail_fast

BEAT_SECONDS = 0.5

BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Unlike CLOCK_MONOTONIC it includes the time in which the machine is suspended, and unlike the wall clock it
is never set. Only Linux has it."""


def seconds_since_boot() -> float:
    """Return the seconds since the machine was started, including those in which it was suspended."""
    return time.clock_gettime(BOOT_CLOCK)


class SuspensionFence(Service):
    """A heartbeat of the event loop that agents check before they do what only an owner may do."""

    def __init__(self, longest_seconds: float, clock: Callable[[], float] = seconds_since_boot) -> None:
        super().__init__()
        self._longest = longest_seconds
        self._clock = clock
        self._beat_at = clock()

    async def on_start(self) -> None:
        """Begin to count: a slow start is not a suspension, since no partition is assigned yet."""
        self._beat_at = self._clock()

    @Service.task
    async def _beat(self) -> None:
        while not self.should_stop:
            self.check()
            self._beat_at = self._clock()
            await self.sleep(BEAT_SECONDS)

    def check(self) -> None:
        """End the process if it was suspended for so long that its session may have expired."""
        stood = self._clock() - self._beat_at
        if stood > self._longest:
            fail_fast("this process was suspended for %.0f s and its partitions may have another owner", stood)
