"""Notice that the event loop does not turn any more: something in it waits that should have been awaited."""

import logging
import sys
import threading
import traceback
from time import monotonic

from mode import Service

from iss_agents.giving_up import give_up
from iss_agents.metrics import LOOP_DELAY

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5

BLOCKED_SECONDS = 30.0
"""Three times what ends a worker with agents as soon as its loop turns again (Standstill); the longest that is
legitimate is a disk that makes the spool wait for seconds. Kafka's heartbeats have threads of their own, so
nobody takes over the partitions of a worker in this state."""


class LoopWatch(Service):
    """A thread that ends the process when the loop has not turned for BLOCKED_SECONDS.

    It counts its own ticks, so that a paused process is not taken for a blocked one: it pauses as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turns = 0
        self._ended = threading.Event()

    async def on_start(self) -> None:
        """Begin to watch the loop that this runs in."""
        watch = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="loop-watch", daemon=True
        )
        watch.start()

    async def on_stop(self) -> None:
        """Let the thread end."""
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
                logger.critical("The event loop stands in:\n%s", _stack(watched))
                give_up("the event loop has not turned for %.0f s", still)


def _stack(thread: int) -> str:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the interpreter's only way to tell
    return "".join(traceback.format_stack(frame))
