"""Event-loop watchdog: ends a process whose event loop is blocked, as by a call that is not awaited."""

import logging
import sys
import threading
import traceback
from time import monotonic

from mode import Service

from iss_agents.runtime.fail_fast import fail_fast
from iss_agents.runtime.metrics import LOOP_DELAY

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0

BLOCKED_SECONDS = 30.0
"""Four times what ends a worker with agents as soon as its loop runs again (SuspensionFence).

The longest legitimate block is a disk that delays the spool for seconds. Kafka's heartbeats run in separate
threads, so that nobody takes over the partitions of a blocked worker."""


class EventLoopWatchdog(Service):
    """A thread that ends the process when the loop has been blocked for BLOCKED_SECONDS.

    It counts its own ticks, so that a suspended process, whose watchdog is suspended, too, does not count as
    blocked.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turns = 0
        self._ended = threading.Event()

    async def on_start(self) -> None:
        """Begin to watch the running loop."""
        watch = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="loop-watch", daemon=True
        )
        watch.start()

    async def on_stop(self) -> None:
        """End the thread."""
        self._ended.set()

    @Service.task
    async def _turn(self) -> None:
        while not self.should_stop:
            self._turns += 1
            due = monotonic() + TICK_SECONDS / 2
            await self.sleep(TICK_SECONDS / 2)
            LOOP_DELAY.observe(max(0.0, monotonic() - due))

    def _watch(self, watched: int) -> None:
        turns, still = self._turns, 0.0
        while not self._ended.wait(TICK_SECONDS):
            still = still + TICK_SECONDS if self._turns == turns else 0.0
            turns = self._turns
            if still >= BLOCKED_SECONDS:
                logger.critical("The event loop is blocked in:\n%s", _stack(watched))
                fail_fast("the event loop has been blocked for %.0f s", still)


def _stack(thread: int) -> str:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the only way to get it
    return "".join(traceback.format_stack(frame))
