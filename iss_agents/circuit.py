"""A circuit breaker: what is outside and fails is left in peace for a while, then asked once, then used again.

Of the libraries for asyncio, purgatory 3.0 is typed and kept up, but it rests for a fixed time of the wall
clock, without backoff and jitter, and lets any number of calls through while half-open; hyx has not left 0.0,
and aiobreaker has had three releases. So the states stand here; whoever calls keeps its own way of waiting.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Literal, NamedTuple

from iss_agents.backoff import delays
from iss_agents.health import Health
from iss_agents.metrics import CIRCUIT_STATE

State = Literal["closed", "half-open", "open"]
STATES: tuple[State, ...] = ("closed", "half-open", "open")
"""In the order of the metric: 0 all calls go through, 1 one call is being tried, 2 none goes through."""


class CircuitOpen(Exception):  # noqa: N818 - a state, not a mistake
    """The call was not made. `reason` is why the circuit opened, `after` the seconds until it may be tried."""

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class Tolerance(NamedTuple):
    """How many failures in a row open a circuit, and its first and longest rest in seconds."""

    failures: int
    first_rest: float
    longest_rest: float


class Circuit:
    """Closed until `failures` calls in a row failed; then open for a rest that doubles, with jitter, each time.

    After the rest one call is let through (half-open): it closes the circuit or opens it again. `part` names it
    in the health, which logs once when it opens and once when it closes, and in the metric; `works` is what the
    health says while it is closed.
    """

    def __init__(
        self,
        part: str,
        health: Health,
        works: str,
        tolerance: Tolerance,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._part = part
        self._health = health
        self._works = works
        self._tolerance = tolerance
        self._clock = clock
        self._failures = 0
        self._rests = delays(tolerance.first_rest, tolerance.longest_rest)
        self._reason = ""
        self._until = 0.0
        self._calling = False
        self._enter("closed")

    @property
    def state(self) -> State:
        """The state now; an open circuit becomes half-open only by a call."""
        return self._state

    @property
    def rest(self) -> float:
        """Seconds until a call is let through, 0.0 if one may be made."""
        return max(0.0, self._until - self._clock()) if self._state == "open" else 0.0

    @contextmanager
    def call(self, *failures: type[Exception]) -> Iterator[None]:
        """Make one call in the block; only errors of these types count as its failure.

        Raises:
            CircuitOpen: the block was not entered.
        """
        self.begin()
        try:
            yield
        except failures as error:
            self.fail(str(error))
            raise
        else:
            self.succeed()
        finally:
            self._calling = False

    def begin(self) -> None:
        """Ask whether a call may be made; say with `fail`, `open` or `succeed` what became of it.

        Raises:
            CircuitOpen: it may not.
        """
        if self.rest or (self._state != "closed" and self._calling):
            raise CircuitOpen(self._reason, self.rest)
        if self._state == "open":
            self._enter("half-open")
        self._calling = True

    def succeed(self) -> None:
        """Close the circuit: the call worked."""
        self._calling = False
        self._failures = 0
        self._rests = delays(self._tolerance.first_rest, self._tolerance.longest_rest)
        self._enter("closed")
        self._health.good(self._part, self._works)

    def fail(self, reason: str) -> None:
        """Count a failed call, and open the circuit if it was one too many or the one that was tried."""
        self._failures += 1
        if self._state == "half-open" or self._failures >= self._tolerance.failures:
            self.open(reason, next(self._rests))
        self._calling = False

    def open(self, reason: str, seconds: float) -> None:
        """Let nothing through for so many seconds."""
        self._calling = False
        self._reason = reason
        self._until = self._clock() + seconds
        self._enter("open")
        self._health.bad(self._part, f"{reason}; the circuit is open, asked again in {seconds:.1f} s")

    def _enter(self, state: State) -> None:
        self._state: State = state
        CIRCUIT_STATE.labels(self._part).set(STATES.index(state))
