"""The station's own clock, once a second."""

from datetime import datetime, timedelta

from iss_agents.simulator.updates import Update, signal, year

SECOND = timedelta(seconds=1)


class ClockSource:
    """TIME_000001, which carries the signal's state, and TIME_000002, the year."""

    def __init__(self) -> None:
        self._next: datetime | None = None

    def due(self, now: datetime) -> list[Update]:
        self._next = self._next or now.replace(microsecond=0)
        updates: list[Update] = []
        while self._next <= now:
            updates += [signal(self._next), year(self._next)]
            self._next += SECOND
        return updates
