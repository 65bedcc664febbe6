"""Closed, open, half-open: what is outside and fails is left in peace."""

import pytest
from prometheus_client import REGISTRY

from iss_agents.runtime.circuit_breaker import BreakerPolicy, CircuitBreaker, CircuitOpenError
from iss_agents.runtime.health import Health

POLICY = BreakerPolicy(failures=2, first_timeout=8.0, longest_timeout=16.0)


class Clock:
    """Seconds that only a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def circuit(health: Health, clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("outside", health, "works", POLICY, clock)


def state_metric() -> float | None:
    return REGISTRY.get_sample_value("iss_circuit_state", {"part": "outside"})


def call(circuit: CircuitBreaker, error: Exception | None = None) -> None:
    with circuit.call(ConnectionError):
        if error:
            raise error


def fail(circuit: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            call(circuit, ConnectionError("reset"))


def test_a_single_failure_leaves_it_closed_and_a_success_forgets_it(circuit: CircuitBreaker) -> None:
    fail(circuit)
    call(circuit)
    fail(circuit)

    assert (circuit.state, circuit.remaining, state_metric()) == ("closed", 0.0, 0.0)


def test_failures_in_a_row_open_it_and_no_call_is_made(circuit: CircuitBreaker, health: Health) -> None:
    fail(circuit, 2)
    with pytest.raises(CircuitOpenError, match=r"^reset$") as refused:
        call(circuit, AssertionError("it was called"))

    assert (circuit.state, state_metric()) == ("open", 2.0)
    assert 6.0 <= refused.value.after <= 8.0
    assert not health.parts["outside"].ok
    assert health.parts["outside"].detail.startswith("reset; the circuit is open, next attempt in ")


def test_after_the_rest_one_call_is_let_through_and_closes_it(
    circuit: CircuitBreaker, clock: Clock, health: Health
) -> None:
    fail(circuit, 2)
    clock.now += circuit.remaining
    with circuit.call(ConnectionError):
        assert (circuit.state, state_metric()) == ("half-open", 1.0)
        with pytest.raises(CircuitOpenError):
            call(circuit)

    assert (circuit.state, health.parts["outside"].detail) == ("closed", "works")


def test_a_call_that_fails_after_the_rest_opens_it_for_longer_up_to_a_ceiling(
    circuit: CircuitBreaker, clock: Clock
) -> None:
    fail(circuit, 2)
    timeouts = []
    for _ in range(3):
        clock.now += circuit.remaining
        fail(circuit)
        timeouts.append(circuit.remaining)

    assert all(12.0 <= rest <= 16.0 for rest in timeouts)


def test_another_error_says_nothing_about_what_is_outside(circuit: CircuitBreaker, clock: Clock) -> None:
    fail(circuit, 2)
    clock.now += circuit.remaining
    with pytest.raises(ValueError, match="ours"):
        call(circuit, ValueError("ours"))
    call(circuit)

    assert circuit.state == "closed"


def test_opening_and_closing_are_logged_once_each(
    circuit: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    fail(circuit, 2)
    for _ in range(3):
        clock.now += circuit.remaining
        fail(circuit)
    clock.now += circuit.remaining
    call(circuit)
    call(circuit)

    told = [record.message.partition(" the circuit")[0] for record in caplog.records]
    assert told == ["outside: reset;", "outside is back: works"]


def test_what_every_part_says_of_itself_is_a_metric(health: Health) -> None:
    health.down("feed", "away")
    assert REGISTRY.get_sample_value("iss_part_ok", {"part": "feed"}) == 0.0
    health.up("feed", "streams")
    assert REGISTRY.get_sample_value("iss_part_ok", {"part": "feed"}) == 1.0
