"""Clocks for the tests of announcing."""

from datetime import datetime, timedelta

from tests.factories import NOON


class FakeTime:
    """A clock that moves when it is told to, and by sleeping; `slept` are the seconds of each sleep."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept: list[float] = []
        self._passed = 0.0

    def clock(self) -> datetime:
        """Return the time it is."""
        return self.now

    def seconds(self) -> float:
        """Return the time of the clock that nobody sets."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._passed += seconds
        self.now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        """Return at once, when so much time has passed."""
        self.slept.append(seconds)
        self.advance(seconds)
