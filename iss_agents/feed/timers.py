"""Timers that are restarted thousands of times a second, from any thread."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from math import inf
from threading import Lock


class Timer:
    """A callback at a time of a loop, unless it is cancelled; it stands in for asyncio's handle."""

    __slots__ = ("_cancelled", "callback", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled


class Timers:
    """Timers of one loop, which wakes for the earliest only: starting a later one wakes nobody.

    Any thread may start and cancel them; callbacks are called on the loop.
    """

    def __init__(self, loop: Callable[[], AbstractEventLoop]) -> None:
        self._loop = loop
        self._lock = Lock()
        self._timers: list[Timer] = []
        self._wake_at = inf

    def start(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in so many seconds."""
        timer = Timer(self._loop().time() + seconds, callback)
        with self._lock:
            # One that is restarted has just been cancelled, and so leaves nothing behind. Where several restart
            # in turn, what they leave is gone when the next one is due.
            while self._timers and self._timers[-1].cancelled():
                self._timers.pop()
            self._timers.append(timer)
            self._wake(timer.due)
        return timer

    def _wake(self, at: float) -> None:
        if at < self._wake_at:
            self._wake_at = at
            self._loop().call_soon_threadsafe(self._loop().call_at, at, self._ring, at)

    def _ring(self, now: float) -> None:
        for timer in self._take_due(now):
            # Not called here: one that raises must not cost the others their call.
            self._loop().call_soon(timer.callback)

    def _take_due(self, now: float) -> list[Timer]:
        with self._lock:
            # An earlier timer has been started since: that one's ring sets the next.
            if now != self._wake_at:
                return []
            waiting = [timer for timer in self._timers if not timer.cancelled()]
            self._timers = [timer for timer in waiting if timer.due > now]
            self._wake_at = inf
            self._wake(min((timer.due for timer in self._timers), default=inf))
        return [timer for timer in waiting if timer.due <= now]
