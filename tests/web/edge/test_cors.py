import pytest
from aiohttp import ClientResponse

from iss_agents.config.settings import Settings, load_settings
from iss_agents.errors import UserError
from tests.web.conftest import Client

ORIGIN = {"Origin": "https://example.org"}
ASKED = {**ORIGIN, "Access-Control-Request-Method": "GET"}
EXPOSED = "Allow, Content-Disposition, ETag, Retry-After"


def cors_headers(answer: ClientResponse) -> dict[str, str]:
    """Return what an answer says of other origins."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("Access-Control-") or (name == "Vary" and "Origin" in value)
    }


@pytest.fixture
def origins() -> str:
    return "https://example.org, http://localhost:3000"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, origins: str) -> Settings:
    monkeypatch.setenv("ISS_CORS_ORIGINS", origins)
    return load_settings()


@pytest.mark.parametrize(
    "path",
    ["/api/v1/items", "/api/v1/items/NODE9", "/api/v1/nothing", "/api/v1/openapi.json", "/api/v1/telemetry"],
)
async def test_a_page_of_a_named_origin_reads_the_api_and_its_problems(client: Client, path: str) -> None:
    expected = {
        "Access-Control-Allow-Origin": "https://example.org",
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }

    assert cors_headers(await client.get(path, headers=ORIGIN)) == expected
    assert cors_headers(await client.head(path, headers=ORIGIN)) == expected


@pytest.mark.parametrize("origin", ["https://example.org.evil.example", "http://example.org", "null", "", None])
async def test_a_page_of_another_origin_does_not(client: Client, origin: str | None) -> None:
    answer = await client.get("/api/v1/items", headers={} if origin is None else {"Origin": origin})

    assert (answer.status, cors_headers(answer)) == (200, {"Vary": "Origin"})


async def test_a_preflight_allows_reading_only(client: Client) -> None:
    answer = await client.options("/api/v1/items", headers=ASKED)

    assert (answer.status, await answer.read()) == (204, b"")
    assert cors_headers(answer) == {
        "Access-Control-Allow-Origin": "https://example.org",
        "Access-Control-Expose-Headers": EXPOSED,
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Cache-Control, If-None-Match, Last-Event-ID",
        "Access-Control-Max-Age": "7200",
        "Vary": "Origin",
    }


@pytest.mark.parametrize("path", ["/api/v1/ingest/test", "/", "/healthz", "/metrics"])
async def test_what_is_not_for_reading_by_others_stays_closed(client: Client, path: str) -> None:
    for answer in (await client.get(path, headers=ORIGIN), await client.options(path, headers=ASKED)):
        assert cors_headers(answer) == {}


async def test_no_page_may_send(client: Client) -> None:
    answer = await client.options("/api/v1/items", headers={**ORIGIN, "Access-Control-Request-Method": "POST"})

    assert answer.status == 405


@pytest.mark.parametrize("origins", ["*"])
async def test_all_origins_are_allowed_by_a_star(client: Client) -> None:
    assert cors_headers(await client.get("/api/v1/items", headers=ORIGIN)) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSED,
    }


@pytest.mark.parametrize("origins", ["", " , "])
async def test_nobody_is_allowed_by_default(client: Client) -> None:
    assert cors_headers(await client.get("/api/v1/items", headers=ORIGIN)) == {}
    assert (await client.options("/api/v1/items", headers=ASKED)).status == 405


@pytest.mark.parametrize(
    "wrong", ["example.org", "https://example.org/", "https://Example.org", "null", "ftp://a"]
)
def test_an_origin_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("ISS_CORS_ORIGINS", f"https://example.org,{wrong}")
    with pytest.raises(UserError) as error:
        load_settings()

    assert str(error.value) == (
        f"ISS_CORS_ORIGINS is 'https://example.org,{wrong}': {wrong} is no origin; "
        "expected what browsers send, such as https://example.org, or * for all"
    )
