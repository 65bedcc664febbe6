"""Circuit breaker around an announcer: one that rejects or does not answer is not called for a while."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from time import monotonic

from iss_agents.announcers.announcer import (
    Announcer,
    Clock,
    NotReadyError,
    Posted,
    RefusedError,
    RetryableError,
    SkippedError,
    utc_now,
)
from iss_agents.detection.events import Urination
from iss_agents.runtime.circuit_breaker import BreakerPolicy, CircuitBreaker, CircuitOpenError
from iss_agents.runtime.health import Health
from iss_agents.telemetry.station_clock import rfc3339

POLICY = BreakerPolicy(failures=3, first_timeout=30.0, longest_timeout=120.0)
"""As many failures as an event has attempts. The reset timeouts are short compared with the ten minutes for
which an event is news, so that it is still posted if its announcer recovers in time."""


class BreakerAnnouncer:
    """An announcer behind its own circuit breaker, which a restart closes.

    Reset timeouts are measured by `seconds`, a monotonic clock; `clock` is for texts.

    A rejection opens the circuit immediately for `pause`, because only a person can correct it; a rate limit
    opens it until the reset of the limit, and consecutive failures for the reset timeouts of POLICY.
    """

    def __init__(
        self,
        announcer: Announcer,
        pause: timedelta,
        health: Health,
        clock: Clock = utc_now,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self.name = announcer.name
        self._announcer = announcer
        self._pause = pause
        self._clock = clock
        self._circuit = CircuitBreaker(self.name, health, "accepts texts", POLICY, seconds)
        self._rejecting = False

    async def post(self, text: str, event: Urination) -> Posted:
        """Post like the announcer; a cancelled call has taken too long and counts as a failure.

        Raises:
            SkippedError: it rejected a text, and the pause is not over.
            NotReadyError: it failed too often, and the reset timeout is not over.
        """
        self._begin()
        try:
            posted = await self._announcer.post(text, event)
        except RefusedError as rejection:
            self._rejecting = True
            self._circuit.open(str(rejection), self._pause.total_seconds())
            raise
        except RetryableError as error:
            self._count_failure(error)
            raise
        except asyncio.CancelledError:
            self._circuit.fail("no answer in time")
            raise
        except Exception as error:
            self._circuit.fail(type(error).__name__)
            raise
        self._circuit.succeed()
        return posted

    def _count_failure(self, error: RetryableError) -> None:
        if error.after:
            self._circuit.open(str(error), min(error.after, self._pause.total_seconds()))
        else:
            self._circuit.fail(str(error))

    def _begin(self) -> None:
        try:
            self._circuit.begin()
        except CircuitOpenError as open_circuit:
            if not self._rejecting:
                raise NotReadyError(str(open_circuit), after=ceil(open_circuit.after)) from None
            until = self._clock() + timedelta(seconds=open_circuit.after)
            raise SkippedError(f"{open_circuit}; next attempt after {rfc3339(until)}") from None
        self._rejecting = False
