"""Stops asking an announcer that refuses or does not answer: more requests make neither any better."""

import asyncio
from datetime import timedelta
from math import ceil

from iss_agents.announcers.announcer import Announcer, NotAsked, NotYet, Posted, Refused, TryAgain
from iss_agents.announcers.clock import Clock, utc_now
from iss_agents.circuit import Circuit, CircuitOpen, Tolerance
from iss_agents.detection.events import Urination
from iss_agents.health import Health
from iss_agents.station_clock import rfc3339

TOLERANCE = Tolerance(failures=3, first_rest=30.0, longest_rest=120.0)
"""As many failures as an event has attempts. The rests are short against the ten minutes that an event stays
news, so that one whose announcer comes back in time is still told."""


class Resting:
    """An announcer in a circuit of its own; a restart closes it.

    A refusal opens it at once for `pause`, because only a person can mend that; a limit opens it until its
    reset, and failures in a row for the rests of TOLERANCE.
    """

    def __init__(self, announcer: Announcer, pause: timedelta, health: Health, clock: Clock = utc_now) -> None:
        self.name = announcer.name
        self._announcer = announcer
        self._pause = pause
        self._clock = clock
        self._circuit = Circuit(self.name, health, "takes texts", TOLERANCE, lambda: clock().timestamp())
        self._refusing = False

    async def post(self, text: str, event: Urination) -> Posted:
        """Post like the announcer; a call that is cut off has taken too long, and counts as a failure.

        Raises:
            NotAsked: it refused, and the pause is not over.
            NotYet: it failed too often, and the rest is not over.
        """
        self._begin()
        try:
            posted = await self._announcer.post(text, event)
        except Refused as refusal:
            self._refusing = True
            self._circuit.open(str(refusal), self._pause.total_seconds())
            raise
        except TryAgain as trouble:
            self._leave(trouble)
            raise
        except asyncio.CancelledError:
            self._circuit.fail("no answer in time")
            raise
        self._circuit.succeed()
        return posted

    def _leave(self, trouble: TryAgain) -> None:
        if trouble.after:
            self._circuit.open(str(trouble), min(trouble.after, self._pause.total_seconds()))
        else:
            self._circuit.fail(str(trouble))

    def _begin(self) -> None:
        try:
            self._circuit.begin()
        except CircuitOpen as resting:
            if not self._refusing:
                raise NotYet(str(resting), after=ceil(resting.after)) from None
            until = self._clock() + timedelta(seconds=resting.after)
            raise NotAsked(f"{resting}; asked again after {rfc3339(until)}") from None
        self._refusing = False
