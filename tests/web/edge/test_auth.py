"""Every address, with no, wrong and right credentials, however the worker is reached."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp.web import Application

from iss_agents.config.settings import Settings, require_readers
from iss_agents.errors import UserError
from tests.factories import TOKEN
from tests.web.conftest import Client, problem
from tests.web.world import KNOWN
from web.base.context import WorkerContext
from web.edge.rate_limit import PROBES
from web.openapi.document import describe
from web.routes import BLUEPRINTS

READ_TOKEN = "battery staple é"
INGEST = "/api/v1/ingest/test"
OPERATIONS = describe(BLUEPRINTS)["paths"]
REFUSED = (
    "This worker answers those who bring the token of ISS_READ_TOKEN: as a bearer token, or in a browser "
    "as the password of any user"
)

Mode = Mapping[str, object]
OPEN: dict[str, Mode] = {
    "on this machine": {"web_host": "127.0.0.1"},
    "on this machine, by its name": {"web_host": "localhost", "read_token": READ_TOKEN},
    "on this machine, by IPv6": {"web_host": "::1"},
    "public": {"web_host": "0.0.0.0", "public": True},
    "public behind a proxy": {"trusted_proxies": "10.0.0.1", "public": True, "read_token": READ_TOKEN},
}
CLOSED: dict[str, Mode] = {
    "for others": {"web_host": "0.0.0.0", "read_token": READ_TOKEN},
    "for others, by a name": {"web_host": "worker.example", "read_token": READ_TOKEN},
    "behind a proxy": {"web_host": "127.0.0.1", "trusted_proxies": "10.0.0.0/8", "read_token": READ_TOKEN},
}


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


NOTHING_OR_WRONG = [
    "",
    "Bearer",
    "Bearer wrong",
    f"Bearer {TOKEN}",
    f"Bearer {READ_TOKEN}x",
    f"Digest {READ_TOKEN}",
    READ_TOKEN,
    basic("anyone:wrong"),
    basic(f"{READ_TOKEN}:"),
    basic(READ_TOKEN),
    "Basic é",
    "Basic \udce9",
    "Bearer \udce9",
]
RIGHT = [
    f"Bearer {READ_TOKEN}",
    f"bearer  {READ_TOKEN}",
    basic(f"anyone:{READ_TOKEN}"),
    basic(f":{READ_TOKEN}"),
]
UNASKED = ["", "Bearer", "Bearer none", "Bearer wrong", *RIGHT]


@pytest.fixture
def mode() -> Mode:
    return {}


@pytest.fixture
def changes(mode: Mode) -> Mode:
    return mode


def routes(application: Application | None) -> list[tuple[str, str]]:
    """Return (method, pattern) of all that is served, and of what is not."""
    assert application
    served = [(one.method, one.resource.canonical) for one in application.router.routes() if one.resource]
    return [*sorted(served), ("GET", "/nothing"), ("GET", "/api/v1/nothing"), ("DELETE", "/"), ("OPTIONS", "/")]


async def status(client: Client, method: str, pattern: str, credentials: str) -> int:
    """Return what the address answers to these credentials."""
    name = "style.css" if pattern.startswith("/static") else KNOWN["name"]
    headers = {"Authorization": credentials} if credentials else {}
    async with client.request(method, pattern.format(**KNOWN | {"name": name}), headers=headers) as answer:
        responses = OPERATIONS.get(pattern, {}).get(method.lower(), {}).get("responses", {answer.status: None})
        assert str(answer.status) in map(str, responses), f"{method} {pattern} is described otherwise"
        return answer.status


@pytest.mark.parametrize("mode", OPEN.values(), ids=OPEN)
async def test_where_everyone_may_read_credentials_change_nothing(client: Client) -> None:
    for method, pattern in routes(client.app):
        if pattern == INGEST:
            continue
        answers = {await status(client, method, pattern, one) for one in UNASKED}

        assert len(answers) == 1, f"{method} {pattern} answers {answers}"
        assert answers <= {200, 400, 404, 405, 503}


@pytest.mark.parametrize("mode", CLOSED.values(), ids=CLOSED)
async def test_elsewhere_nothing_is_read_without_the_token(client: Client) -> None:
    for method, pattern in routes(client.app):
        if pattern in PROBES | {INGEST}:
            continue
        refused = {await status(client, method, pattern, one) for one in NOTHING_OR_WRONG}
        allowed = {await status(client, method, pattern, one) for one in RIGHT}

        assert refused == {401}, f"{method} {pattern} answers {refused}"
        assert allowed <= {200, 400, 404, 405, 503}, f"{method} {pattern} answers {allowed}"


@pytest.mark.parametrize("mode", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
async def test_everywhere_a_probe_needs_nothing_and_a_test_reading_its_own_token(client: Client) -> None:
    assert {await status(client, "GET", "/healthz", one) for one in NOTHING_OR_WRONG} == {503}
    wrong = [one for one in [*NOTHING_OR_WRONG, *RIGHT, basic(f"anyone:{TOKEN}")] if one != f"Bearer {TOKEN}"]

    assert {await status(client, "POST", INGEST, one) for one in wrong} == {401}
    # It has no body, which is looked at after the token.
    assert await status(client, "POST", INGEST, f"Bearer {TOKEN}") == 415


async def health(client: Client, credentials: str) -> dict[str, Any]:
    headers = {"Authorization": credentials} if credentials else {}
    async with client.get("/healthz", headers=headers) as answer:
        document: dict[str, Any] = await answer.json()
        return document


SECRETS = {
    "feed": "The feed at http://10.0.0.7:9090 is unreachable",
    "kafka": "cannot reach broker.internal:9092",
}


@pytest.mark.parametrize("mode", CLOSED.values(), ids=CLOSED)
async def test_elsewhere_a_stranger_is_told_which_parts_there_are_and_no_more(
    client: Client, context: WorkerContext
) -> None:
    for name, detail in SECRETS.items():
        context.health.down(name, detail)

    for one in NOTHING_OR_WRONG:
        document = await health(client, one)
        assert document.keys() == {"status", "parts"}
        assert document["parts"].keys() >= SECRETS.keys()
        assert {(part["detail"], part["since"]) for part in document["parts"].values()} == {("", None)}
    for one in RIGHT:
        told = (await health(client, one))["parts"]
        assert {name: told[name]["detail"] for name in SECRETS} == SECRETS


@pytest.mark.parametrize("mode", OPEN.values(), ids=OPEN)
async def test_where_everyone_may_read_everyone_is_told_why(client: Client, context: WorkerContext) -> None:
    context.health.down("feed", SECRETS["feed"])

    told = (await health(client, ""))["parts"]

    assert told["feed"]["detail"] == SECRETS["feed"]


async def test_no_part_is_shown_with_a_password(client: Client, context: WorkerContext) -> None:
    context.health.down("feed", "The feed at https://user:hunter2@feed.example is unreachable")

    answers = [await (await client.get(path)).text() for path in ("/healthz", "/api/v1/status")]

    assert all("hunter2" not in text and "https://user:***@feed.example" in text for text in answers)


@pytest.mark.parametrize("mode", [CLOSED["for others"]])
async def test_a_browser_is_told_to_ask_its_user_and_shown_a_page(client: Client) -> None:
    answer = await client.get("/", headers={"Accept": "text/html"})

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Basic realm="iss-agents", charset="UTF-8", Bearer realm="iss-agents"'
    )
    page = await answer.text()
    assert "<h1>Unauthorized</h1>" in page
    assert REFUSED in page


@pytest.mark.parametrize("mode", [CLOSED["for others"]])
async def test_a_program_gets_a_problem(client: Client) -> None:
    answer = await client.get("/api/v1/items")

    assert await answer.json() == problem(401, "Unauthorized", REFUSED)


@pytest.mark.parametrize("mode", [{**CLOSED["for others"], "cors_origins": "https://example.org"}])
async def test_a_preflight_brings_no_token(client: Client) -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}

    assert (await client.options("/api/v1/items", headers=headers)).status == 204


@pytest.mark.parametrize("mode", [{"web_host": "0.0.0.0", "read_token": ""}])
async def test_an_empty_token_opens_nothing(client: Client) -> None:
    for credentials in ("", "Bearer ", "Bearer", basic(":"), basic("anyone:")):
        assert await status(client, "GET", "/api/v1/items", credentials) == 401


@pytest.mark.parametrize(
    "mode",
    [{"web_host": "0.0.0.0"}, {"web_host": "::"}, {"web_host": ""}, {"trusted_proxies": "10.0.0.1"}],
)
@pytest.mark.parametrize("token", [None, ""])
def test_a_worker_that_others_reach_ends_if_nobody_said_who_may_read(mode: Mode, token: str | None) -> None:
    with pytest.raises(UserError) as ended:
        require_readers(Settings.model_validate({**mode, "read_token": token}))

    assert str(ended.value) == (
        "others can reach the web server (ISS_WEB_HOST, ISS_TRUSTED_PROXIES): "
        "set ISS_PUBLIC=true if everyone may read, or ISS_READ_TOKEN to a token that readers must bring."
    )


def test_only_a_worker_with_views_is_asked_who_may_read_them() -> None:
    require_readers(Settings.model_validate({"web_host": "0.0.0.0", "roles": "feed"}))
    with pytest.raises(UserError):
        require_readers(Settings.model_validate({"web_host": "0.0.0.0", "roles": "feed,web"}))


@pytest.mark.parametrize("mode", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_a_worker_for_which_it_is_said_starts(settings: Settings) -> None:
    require_readers(settings)

    assert settings.reads_are_open or settings.read_token or "web" not in settings.roles
