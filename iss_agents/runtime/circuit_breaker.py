"""Circuit breaker: a dependency that fails is not called for a while, then probed once, then used again.

Of the libraries for asyncio, purgatory 3.0 is typed and maintained, but its reset timeout is a fixed time of
the wall clock, without backoff and jitter, and while half-open it lets any number of calls through; hyx is
still at 0.0, and aiobreaker has had three releases. So the states are implemented here; waiting is left to the
caller.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Literal, NamedTuple

from iss_agents.runtime.backoff import delays
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import CIRCUIT_STATE

State = Literal["closed", "half-open", "open"]
STATES: tuple[State, ...] = ("closed", "half-open", "open")
"""In the order of the metric: 0 all calls go through, 1 one call probes, 2 no call goes through."""


class CircuitOpenError(Exception):
    """The call was not made. `reason` is why the circuit opened, `after` the seconds until the next probe."""

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class BreakerPolicy(NamedTuple):
    """How many consecutive failures open a circuit, and its first and longest reset timeout in seconds."""

    failures: int
    first_timeout: float
    longest_timeout: float


class CircuitBreaker:
    """Closed until `failures` consecutive calls fail; then open for a reset timeout that doubles, with jitter.

    Then one call probes (half-open): it closes the circuit or opens it again. `part` names the circuit
    in the health, which logs once when it opens and once when it closes, and in the metric; `ok_detail` is what
    the health says while it is closed.
    """

    def __init__(
        self,
        part: str,
        health: Health,
        ok_detail: str,
        policy: BreakerPolicy,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._part = part
        self._health = health
        self._ok_detail = ok_detail
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._timeouts = delays(policy.first_timeout, policy.longest_timeout)
        self._reason = ""
        self._until = 0.0
        self._probing = False
        self._enter("closed")

    @property
    def state(self) -> State:
        """The present state; an open circuit becomes half-open only by a call."""
        return self._state

    @property
    def remaining(self) -> float:
        """Seconds of the reset timeout that remain, 0.0 if a call may be made."""
        return max(0.0, self._until - self._clock()) if self._state == "open" else 0.0

    @contextmanager
    def call(self, *failures: type[Exception]) -> Iterator[None]:
        """Make one call in the block; only errors of these types count as failures.

        Raises:
            CircuitOpenError: the block was not entered.
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
            self._probing = False

    def begin(self) -> None:
        """Begin a call, whose result the caller reports by `fail`, `open` or `succeed`.

        Raises:
            CircuitOpenError: the call must not be made.
        """
        if self.remaining or (self._state != "closed" and self._probing):
            raise CircuitOpenError(self._reason, self.remaining)
        if self._state == "open":
            self._enter("half-open")
        self._probing = True

    def succeed(self) -> None:
        """Close the circuit: the call succeeded."""
        self._probing = False
        self._failures = 0
        self._timeouts = delays(self._policy.first_timeout, self._policy.longest_timeout)
        self._enter("closed")
        self._health.up(self._part, self._ok_detail)

    def fail(self, reason: str) -> None:
        """Count a failed call, and open the circuit if it was the probe or one failure too many."""
        self._failures += 1
        if self._state == "half-open" or self._failures >= self._policy.failures:
            self.open(reason, next(self._timeouts))
        self._probing = False

    def open(self, reason: str, seconds: float) -> None:
        """Open the circuit for this many seconds."""
        self._probing = False
        self._reason = reason
        self._until = self._clock() + seconds
        self._enter("open")
        self._health.down(self._part, f"{reason}; the circuit is open, next attempt in {seconds:.1f} s")

    def _enter(self, state: State) -> None:
        self._state: State = state
        CIRCUIT_STATE.labels(self._part).set(STATES.index(state))
