import logging

import pytest
from aiohttp.web import Application

from iss_agents.state_view.service import StateView
from tests.web.conftest import Client, problem


def _addresses(application: Application | None) -> set[tuple[str, str]]:
    assert application is not None
    return {(route.method, route.resource.canonical) for route in application.router.routes() if route.resource}


async def test_exactly_our_addresses_are_served(client: Client) -> None:
    readable = {
        "/",
        "/items/{item_id}",
        "/static/{name}",
        "/livez",
        "/readyz",
        "/healthz",
        "/metrics",
        "/api/v1/items",
        "/api/v1/items/{item_id}",
        "/api/v1/trends",
        "/api/v1/status",
        "/api/v1/stream",
        "/api/v1/tank",
        "/api/v1/tank.txt",
        "/api/v1/tables",
        "/api/v1/tables/{name}",
        "/api/v1/tables/{name}/{key}",
        "/api/v1/telemetry",
        "/api/v1/telemetry/summary",
        "/api/v1/gaps",
        "/api/v1/events",
        "/api/v1/events/summary",
        "/api/v1/events/{event_id}",
        "/api/v1/events.atom",
        "/api/v1/posts",
        "/api/v1/openapi.json",
        "/api",
    }
    reading = {(method, path) for path in readable for method in ("GET", "HEAD")}

    assert _addresses(client.app) == reading | {("POST", "/api/v1/ingest/test")}


@pytest.mark.parametrize(
    "path", ["/graph", "/table", "/router", "/performance", "/api/", "/api/v1/items/", "/.env"]
)
async def test_an_unknown_address_is_a_problem(client: Client, path: str) -> None:
    answer = await client.get(path)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await answer.json() == problem(
        404, "Not Found", f"There is nothing at {path}; GET /api lists the addresses"
    )


async def test_a_wrong_method_is_a_problem_with_the_right_ones(client: Client) -> None:
    answer = await client.delete("/api/v1/items")

    assert answer.headers["Allow"] == "GET,HEAD"
    assert await answer.json() == problem(405, "Method Not Allowed", "/api/v1/items answers GET,HEAD only")
    assert (await client.head("/api/v1/ingest/test")).status == 405


async def test_head_answers_like_get_without_a_body(client: Client) -> None:
    for path in ("/", "/metrics", "/api/v1/items", "/api/v1/tables/last_seen"):
        head = await client.head(path)

        assert (head.status, await head.read()) == (200, b"")
        assert int(head.headers["Content-Length"]) > 0


async def test_what_nobody_expected_is_logged_and_not_shown(
    client: Client, state: StateView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(state, "reading", lambda _item: 1 / 0)
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/api/v1/items")

    assert await answer.json() == problem(500, "Internal Server Error", "The request failed; the log says why")
    assert [record.message for record in caplog.records] == ["GET /api/v1/items failed"]
    assert caplog.records[0].exc_info is not None


async def test_metrics_are_in_prometheus_format(client: Client) -> None:
    answer = await client.get("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert "# HELP iss_items_known Items with a last-seen reading" in await answer.text()
