from datetime import UTC, datetime

import pytest

from iss_agents.config.settings import Role
from iss_agents.state_view.service import StateView
from tests.web.conftest import Client
from web.base.context import WorkerContext


@pytest.fixture
def kafka_answers(state: StateView, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers() -> bool:
        return True

    monkeypatch.setattr(state, "reaches_kafka", answers)


def all_good(context: WorkerContext) -> None:
    for name in ("feed", "kafka", "archive", "database", "agents"):
        context.health.up(name, f"{name} works")


@pytest.mark.usefixtures("kafka_answers")
async def test_all_good_is_200(client: Client, context: WorkerContext) -> None:
    all_good(context)
    answer = await client.get("/healthz")
    document = await answer.json()

    assert answer.status == 200
    assert document["status"] == "ok"
    assert sorted(document["parts"]) == ["agents", "archive", "database", "feed", "kafka"]
    feed = document["parts"]["feed"]
    assert (feed["ok"], feed["detail"]) == (True, "feed works")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(feed["since"])).total_seconds()) < 10


@pytest.mark.usefixtures("kafka_answers")
async def test_one_bad_part_is_503_and_says_why(client: Client, context: WorkerContext) -> None:
    all_good(context)
    context.health.down("database", "no answer since 10:27")
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
    client: Client, context: WorkerContext
) -> None:
    all_good(context)
    context.health.down("announcer", "X refused: 401")
    answer = await client.get("/healthz")

    assert answer.status == 200
    assert (await answer.json())["parts"]["announcer"]["detail"] == "X refused: 401"


async def test_kafka_is_asked_even_if_its_last_word_was_good(client: Client, context: WorkerContext) -> None:
    all_good(context)
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
    client: Client, context: WorkerContext, roles: set[Role], expected: list[str]
) -> None:
    context.settings = context.settings.model_copy(update={"roles": frozenset(roles)})
    document = await (await client.get("/healthz")).json()

    assert document["parts"].pop("kafka") == {"ok": True, "detail": "Kafka answers", "since": None}
    silent = {"ok": False, "detail": "no report yet", "since": None}
    assert document["parts"] == dict.fromkeys(expected, silent)


@pytest.mark.usefixtures("kafka_answers")
async def test_a_feed_that_is_off_is_not_missed(client: Client, context: WorkerContext) -> None:
    context.settings = context.settings.model_copy(update={"roles": frozenset({"feed", "web"}), "feed": "off"})

    assert (await client.get("/healthz")).status == 200


@pytest.mark.usefixtures("kafka_answers")
async def test_clocks_that_disagree_are_503(client: Client, context: WorkerContext) -> None:
    all_good(context)
    context.health.up("clock", "the station's clock and this machine's agree")
    assert (await client.get("/healthz")).status == 200
    context.health.down("clock", "The station's clock moves and is 400 s late: is this machine's clock right?")

    assert (await client.get("/healthz")).status == 503


@pytest.mark.usefixtures("kafka_answers")
async def test_what_the_watchdog_says_is_503(client: Client, context: WorkerContext) -> None:
    all_good(context)
    context.health.up("watchdog", "every part gets on")
    assert (await client.get("/healthz")).status == 200
    context.health.down("watchdog", "no progress: telemetry.raw.v1 3 stays at 7")
    answer = await client.get("/healthz")

    assert answer.status == 503
    assert (await answer.json())["parts"]["watchdog"]["detail"] == "no progress: telemetry.raw.v1 3 stays at 7"


async def test_a_process_is_alive_whatever_fails(client: Client, context: WorkerContext) -> None:
    context.health.down("feed", "unreachable")
    answer = await client.get("/livez")

    assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_a_worker_is_ready_when_it_has_started_and_until_it_stops(
    client: Client, context: WorkerContext, state: StateView
) -> None:
    state.ready = False
    context.health.down("agents", "the Tables are being restored from their changelogs")
    waiting = await client.get("/readyz")
    state.ready = True
    all_good(context)
    ready = await client.get("/readyz")
    context.health.is_stopping = True
    stopping = await client.get("/readyz")

    assert waiting.status == stopping.status == 503
    assert await waiting.json() == {"status": "starting", "waits_for": ["agents", "archive", "feed", "state"]}
    assert (ready.status, await ready.json()) == (200, {"status": "ok", "waits_for": []})
    assert (await stopping.json())["status"] == "stopping"


@pytest.mark.parametrize("part", ["feed", "archive", "database", "kafka", "agents", "watchdog"])
async def test_a_worker_that_has_started_keeps_its_page_whatever_fails(
    client: Client, context: WorkerContext, state: StateView, part: str
) -> None:
    state.ready = True
    all_good(context)
    context.health.down(part, "away")

    assert (await client.get("/healthz")).status == 503
    assert (await client.get("/readyz")).status == 200


async def test_a_worker_whose_feed_was_never_reached_is_ready(
    client: Client, context: WorkerContext, state: StateView
) -> None:
    state.ready = True
    all_good(context)
    context.health.parts.pop("feed")
    context.health.down("feed", "unreachable; trying again")

    assert (await client.get("/readyz")).status == 200
