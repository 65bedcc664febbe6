from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import to_builtins

from iss_agents.detection.events import Urination
from iss_agents.detection.state import CoverageGap, Level, Pending, Rise, State
from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.station_clock import milliseconds, rfc3339
from iss_agents.telemetry.topics import EVENTS, TANK_LEVELS_CHANGELOG
from tests.factories import ChangelogRecord, last_seen, reading_of, urination
from tests.web.conftest import Client, problem
from web.api.tank import TankState, tank_state

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
AT = milliseconds(NOON)


def level(value: float, seconds: float = 0) -> Level:
    return Level(AT + round(seconds * 1000), value, "isslive")


def rise(high: float, seconds: float) -> Rise:
    return Rise(opened_at=AT + 60_000, high=high, high_at=AT + round(seconds * 1000))


CALM = (level(36), level(37, 1))
FLAPPING = (level(36), level(37, 10), level(36, 20), level(37, 60))
CLIMBING = (level(36), level(37, 60), level(38, 65))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(), "unknown"),
        (State(levels=CALM), "steady"),
        (State(levels=CALM, processor_running=True), "steady"),
        (State(levels=(level(37), level(36, 300)), processor_running=True), "draining"),
        (State(levels=(level(37), level(36, 300))), "steady"),
        (State(levels=CLIMBING, rise=rise(38, 65)), "filling"),
        (State(levels=CLIMBING, rise=rise(38, 65), processor_running=True), "filling"),
        (State(levels=FLAPPING, rise=rise(37, 60)), "steady"),
        (State(levels=CALM, pending=Pending(urination(), AT + 99_000)), "filling"),
        (State(levels=CALM, signal_lost=True), "unknown"),
        (State(levels=CALM, level_doubtful=True), "unknown"),
        (State(levels=CALM, unseen=CoverageGap(AT, 36, "isslive")), "unknown"),
        (State(levels=CLIMBING, rise=rise(38, 65), signal_lost=True), "unknown"),
    ],
)
def test_what_the_tank_does_follows_from_what_its_detector_remembers(state: State, expected: TankState) -> None:
    assert tank_state(state) == expected


def detected(state: State, key: str = "NODE3000005") -> ChangelogRecord:
    value = {"sequence": 1, "state": to_builtins(state)}
    return ChangelogRecord(TANK_LEVELS_CHANGELOG.name, encode(key), encode(value))


def told(use: Urination) -> ChangelogRecord:
    return ChangelogRecord(EVENTS.name, None, encode(use))


def living(state: StateView, *, clock_status: str = "24") -> datetime:
    """Let readings flow into `state` and return the time of the tank's level."""
    now = datetime.now(UTC)
    measured = now - timedelta(minutes=30)
    readings = [
        reading_of("TIME_000001", "1", now, status_class=clock_status),
        reading_of("NODE3000005", "43.0", measured),
        reading_of("NODE3000004", "16.00", measured),
    ]
    state.replica.apply([*map(last_seen, readings), detected(State(levels=CALM, processor_running=True))])
    state.ready = True
    return measured


async def document(client: Client) -> dict[str, Any]:
    answer = await client.get("/api/v1/tank")
    found: dict[str, Any] = await answer.json()
    return found


async def line(client: Client) -> str:
    answer = await client.get("/api/v1/tank.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return await answer.text()


async def test_a_tank_that_was_never_measured_says_so(client: Client, state: StateView) -> None:
    state.ready = True
    state.replica.apply([last_seen(reading_of("TIME_000001", "1"))])

    assert await document(client) == {
        "level": None,
        "unit": "%",
        "state": "unknown",
        "in_use_since": None,
        "processor": None,
        "source_ts": None,
        "age_seconds": None,
        "stale": True,
        "signal": "AOS",
        "complete": True,
        "last_use": None,
        "minutes_since_last_use": None,
    }
    assert await line(client) == "Urine tank never measured\n"


@pytest.mark.parametrize("path", ["/api/v1/tank", "/api/v1/tank.txt", "/api/v1/items/NODE3000005"])
async def test_until_everything_known_is_read_nothing_is_answered_that_may_be_wrong(
    client: Client, state: StateView, path: str
) -> None:
    living(state)
    state.ready = False
    answer = await client.get(path)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert (await answer.json())["detail"].startswith("This worker has just started")
    state.ready = True
    assert (await client.get(path)).status == 200


async def test_the_line_tells_how_long_ago_the_last_use_began(client: Client, state: StateView) -> None:
    living(state)
    begun = datetime.now(UTC) - timedelta(minutes=10, seconds=5)
    use = urination("a1", detected_at=begun + timedelta(seconds=60), source="simulated")
    state.replica.apply([told(use)])

    assert await line(client) == "Urine tank 43 %, steady, last use 10 min ago\n"


async def test_level_processor_and_last_use_are_shown(client: Client, state: StateView) -> None:
    measured = living(state)
    ended = datetime.now(UTC) - timedelta(minutes=12)
    use = urination("a1", detected_at=ended + timedelta(seconds=40), source="simulated")
    state.replica.apply([told(use), told(urination("b2", source="isslive"))])
    shown = await document(client)

    assert shown.pop("last_use")["event_id"] == "a1"
    assert 1800 <= shown.pop("age_seconds") < 1810
    assert 12.0 <= shown.pop("minutes_since_last_use") <= 12.1
    assert shown == {
        "level": 43.0,
        "unit": "%",
        "state": "steady",
        "in_use_since": None,
        "processor": "NORMAL",
        "source_ts": rfc3339(measured),
        "stale": False,
        "signal": "AOS",
        "complete": True,
    }
    assert await line(client) == "Urine tank 43 %, steady, last use 12 min ago\n"


async def test_what_tests_say_is_answered_to_those_who_ask_for_it_alone(
    client: Client, state: StateView
) -> None:
    living(state)
    before = await document(client)
    now = datetime.now(UTC)
    tests = [("NODE3000005", "99"), ("NODE3000004", "4"), ("TIME_000001", "1")]
    state.replica.apply(
        [last_seen(reading_of(item, value, now, source="test", status_class=None)) for item, value in tests]
    )
    state.replica.apply([detected(State(levels=CALM), "test"), told(urination("t1", source="test"))])
    tried = await (await client.get("/api/v1/tank?source=test")).json()

    assert {**await document(client), "age_seconds": before["age_seconds"]} == before
    assert (tried["level"], tried["state"], tried["signal"], tried["stale"]) == (99.0, "steady", "AOS", False)
    assert (tried["processor"], tried["last_use"]["event_id"]) == ("SHUTDOWN", "t1")
    assert (await (await client.get("/api/v1/tank.txt?source=test")).text()).startswith(
        "Urine tank 99 %, steady"
    )


async def test_a_test_of_the_clock_is_no_loss_of_signal(client: Client, state: StateView) -> None:
    living(state)
    lost = reading_of("TIME_000001", "9", datetime.now(UTC), source="test", status_class="1")
    state.replica.apply([last_seen(lost)])
    real, tried = [await (await client.get(f"/api/v1/status{query}")).json() for query in ("", "?source=test")]

    assert (real["signal"]["state"], real["silent"]["who"], real["items"]["measured"]) == ("AOS", "nobody", 3)
    assert (tried["signal"]["state"], tried["silent"]["who"], tried["items"]["measured"]) == (
        "LOS",
        "nobody",
        1,
    )
    assert tried["newest"]["item_id"] == "TIME_000001"


async def test_an_unknown_source_is_named(client: Client, state: StateView) -> None:
    state.ready = True
    answer = await client.get("/api/v1/tank?source=mir")

    assert await answer.json() == problem(
        400,
        "Bad Request",
        "source is 'mir'; expected one of isslive, simulated, test",
        parameter="source",
        value="mir",
        expected="one of isslive, simulated, test",
    )


async def test_without_a_use_the_line_is_shorter(client: Client, state: StateView) -> None:
    living(state)

    assert await line(client) == "Urine tank 43 %, steady\n"


async def test_a_rise_that_goes_on_is_probably_a_use(client: Client, state: StateView) -> None:
    living(state)
    levels = tuple(level(36 + step, 60 + 5 * step) for step in range(6))
    rising = State(clock=AT + 86_000, levels=(level(36), *levels), rise=Rise(AT + 65_000, 41, AT + 85_000))
    state.replica.apply([detected(rising)])

    assert (await document(client))["in_use_since"] == rfc3339(NOON + timedelta(seconds=65))
    assert await line(client) == "Urine tank 43 %, probably in use\n"


async def test_what_nobody_follows_is_unknown(client: Client, state: StateView) -> None:
    living(state)
    state.replica.apply([detected(State())])

    assert (await document(client))["state"] == "unknown"
    assert await line(client) == "Urine tank 43 %, trend not known\n"


async def test_at_a_loss_of_signal_the_level_is_what_was_measured_last(
    client: Client, state: StateView
) -> None:
    living(state, clock_status="1")

    assert ((await document(client))["level"], (await document(client))["state"]) == (43.0, "unknown")
    assert (await line(client)).startswith(
        "Urine tank 43 % when last measured. The station has had no radio contact since "
    )


async def test_a_level_of_days_ago_is_unknown(client: Client, state: StateView) -> None:
    living(state)
    old = reading_of("NODE3000005", "44", datetime.now(UTC) - timedelta(days=2))
    state.replica.apply([last_seen(old)._replace(value=None), last_seen(old)])

    assert ((await document(client))["level"], (await document(client))["state"]) == (44.0, "unknown")


async def test_a_state_of_another_version_is_unknown(client: Client, state: StateView) -> None:
    living(state)
    foreign = ChangelogRecord(TANK_LEVELS_CHANGELOG.name, encode("NODE3000005"), b'{"sequence": 2, "state": 1}')
    state.replica.apply([foreign])

    assert (await document(client))["state"] == "unknown"
