"""Waiting line: a worker does a few pieces of work at once, and some more requests wait for their turn."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from web.base.problems import unavailable

RETRY_SECONDS = 5


class WaitingLine:
    """Lets `at_once` requests work and `waiting` others wait; `work` names it in the plural."""

    def __init__(self, work: str, at_once: int, waiting: int) -> None:
        self._work = work
        self._turns = Semaphore(at_once)
        self._places = at_once + waiting
        self._present = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it during the block.

        Raises:
            Problem: 503, too many wait already.
        """
        if self._present >= self._places:
            detail = f"{self._present} {self._work} are asked for at once; try again later"
            raise unavailable(detail, retry_after=RETRY_SECONDS)
        self._present += 1
        try:
            async with self._turns:
                yield
        finally:
            self._present -= 1
