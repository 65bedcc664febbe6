from datetime import UTC, datetime

import pytest

from iss_agents.parts import Parts
from iss_agents.settings import Role
from tests.web.conftest import Client
from web.state import StateView


@pytest.fixture
def kafka_answers(state: StateView, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers() -> bool:
        return True

    monkeypatch.setattr(state, "reaches_kafka", answers)


def all_good(parts: Parts) -> None:
    for name in ("feed", "kafka", "archive", "database", "agents"):
        parts.health.good(name, f"{name} works")


@pytest.mark.usefixtures("kafka_answers")
async def test_all_good_is_200(client: Client, parts: Parts) -> None:
    all_good(parts)
    answer = await client.get("/healthz")
    document = await answer.json()

    assert answer.status == 200
    assert document["status"] == "ok"
    assert sorted(document["parts"]) == ["agents", "archive", "database", "feed", "kafka"]
    feed = document["parts"]["feed"]
    assert (feed["ok"], feed["detail"]) == (True, "feed works")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(feed["since"])).total_seconds()) < 10


@pytest.mark.usefixtures("kafka_answers")
async def test_one_bad_part_is_503_and_says_why(client: Client, parts: Parts) -> None:
    all_good(parts)
    parts.health.bad("database", "no answer since 10:27")
    answer = await client.get("/healthz")
    document = await answer.json()

    assert answer.status == 503
    assert document["status"] == "failing"
    assert (document["parts"]["database"]["ok"], document["parts"]["database"]["detail"]) == (
        False,
        "no answer since 10:27",
    )


@pytest.mark.usefixtures("kafka_answers")
async def test_an_announcer_that_is_refused_is_shown_and_the_worker_is_well(
    client: Client, parts: Parts
) -> None:
    all_good(parts)
    parts.health.bad("announcer", "X refused: 401")
    answer = await client.get("/healthz")

    assert answer.status == 200
    assert (await answer.json())["parts"]["announcer"]["detail"] == "X refused: 401"


async def test_kafka_is_asked_even_if_its_last_word_was_good(client: Client, parts: Parts) -> None:
    all_good(parts)
    answer = await client.get("/healthz")

    assert answer.status == 503
    assert (await answer.json())["parts"]["kafka"] == {
        "ok": False,
        "detail": "Kafka does not answer",
        "since": None,
    }


@pytest.mark.usefixtures("kafka_answers")
@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"feed"}, ["feed"]),
        ({"agents", "web"}, ["agents"]),
        ({"archive"}, ["archive", "database"]),
        ({"web"}, []),
    ],
)
async def test_a_part_of_its_roles_that_said_nothing_is_missing(
    client: Client, parts: Parts, roles: set[Role], expected: list[str]
) -> None:
    parts.settings = parts.settings.model_copy(update={"roles": frozenset(roles)})
    document = await (await client.get("/healthz")).json()

    assert document["parts"].pop("kafka") == {"ok": True, "detail": "Kafka answers", "since": None}
    silent = {"ok": False, "detail": "has not said anything yet", "since": None}
    assert document["parts"] == dict.fromkeys(expected, silent)


@pytest.mark.usefixtures("kafka_answers")
async def test_a_feed_that_is_off_is_not_missed(client: Client, parts: Parts) -> None:
    parts.settings = parts.settings.model_copy(update={"roles": frozenset({"feed", "web"}), "feed": "off"})

    assert (await client.get("/healthz")).status == 200


@pytest.mark.usefixtures("kafka_answers")
async def test_what_the_watchdog_says_is_503(client: Client, parts: Parts) -> None:
    all_good(parts)
    parts.health.good("watchdog", "every part gets on")
    assert (await client.get("/healthz")).status == 200
    parts.health.bad("watchdog", "no progress: telemetry.raw.v1 3 stays at 7")
    answer = await client.get("/healthz")

    assert answer.status == 503
    assert (await answer.json())["parts"]["watchdog"]["detail"] == "no progress: telemetry.raw.v1 3 stays at 7"
