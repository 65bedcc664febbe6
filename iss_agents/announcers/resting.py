"""Stops asking an announcer that refuses: an account in trouble gets no better by more requests."""

from datetime import datetime, timedelta

from iss_agents.announcers.announcer import Announcer, NotAsked, Posted, Refused
from iss_agents.announcers.clock import Clock, utc_now
from iss_agents.detection.events import Urination
from iss_agents.station_clock import rfc3339


class Resting:
    """An announcer that is left in peace for `pause` after it refused; a restart ends the pause."""

    def __init__(self, announcer: Announcer, pause: timedelta, clock: Clock = utc_now) -> None:
        self.name = announcer.name
        self._announcer = announcer
        self._pause = pause
        self._clock = clock
        self._until: datetime | None = None
        self._reason = ""

    async def post(self, text: str, event: Urination) -> Posted:
        """Post like the announcer.

        Raises:
            NotAsked: it refused, and the pause is not over.
        """
        if self._until and self._clock() < self._until:
            raise NotAsked(f"{self._reason}; asked again after {rfc3339(self._until)}")
        try:
            return await self._announcer.post(text, event)
        except Refused as refusal:
            self._until = self._clock() + self._pause
            self._reason = str(refusal)
            raise
