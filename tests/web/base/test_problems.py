"""Each refused request is counted once, under what it was refused for."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from tests.factories import TOKEN
from tests.web.conftest import Client
from tests.web.edge.test_slow_clients import HEAD, POST, SOON, port_of, serving
from web.api import ingest
from web.base.context import WorkerContext
from web.edge import rate_limit

REASONS = {"token", "rate", "size", "time", "address", "input"}
INGEST = "/api/v1/ingest/test"
JSON = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


def counted() -> dict[str, float]:
    """Return reason -> requests that were refused for it."""
    [family] = [each for each in REGISTRY.collect() if each.name == "iss_web_refused"]
    samples = [sample for sample in family.samples if sample.name == "iss_web_refused_total"]
    return {sample.labels["reason"]: sample.value for sample in samples}


def since(before: dict[str, float]) -> dict[str, float]:
    """Return reason -> how many more there are, of those that there are."""
    return {name: value - before[name] for name, value in counted().items() if value != before[name]}


def test_prometheus_is_shown_every_reason_from_the_start_and_no_other() -> None:
    assert counted().keys() == REASONS


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "reason"),
    [
        ("POST", INGEST, {}, b"", "token"),
        ("POST", INGEST, JSON, b" " * 65_537, "size"),
        ("POST", INGEST, JSON, b"{", "input"),
        ("GET", "/api/v1/items?nothing=1", {}, b"", "input"),
        ("GET", "/nothing", {"Accept": "text/html"}, b"", "address"),
        ("DELETE", "/api/v1/items", {}, b"", "address"),
    ],
)
async def test_a_refused_request_is_counted_once(
    client: Client, method: str, path: str, headers: dict[str, str], body: bytes, reason: str
) -> None:
    before = counted()
    await client.request(method, path, headers=headers, data=body)

    assert since(before) == {reason: 1}


async def test_who_asks_too_often_is_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "BURST", 1.0)
    monkeypatch.setattr(rate_limit, "RATE", 0.001)
    before = counted()
    statuses = [(await client.get("/api")).status for _ in range(3)]

    assert statuses == [200, 429, 429]
    assert since(before) == {"rate": 2}


async def test_what_is_answered_or_failed_by_us_is_not_counted(client: Client) -> None:
    before = counted()
    statuses = [(await client.get(path)).status for path in ("/api/v1/items", "/healthz", "/api/v1/events")]

    assert statuses == [200, 503, 503]
    assert since(before) == {}


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (POST + b" ", "time"),
        (b"nonsense\r\n\r\n", "input"),
        (HEAD + b"X: " + b"a" * 9000 + b"\r\n\r\n", "size"),
        (HEAD + b"Expect: the-unexpected\r\n\r\n", "input"),
    ],
    ids=["half a body", "no HTTP", "a long header", "expecting"],
)
async def test_what_cannot_be_read_is_counted(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch, request_bytes: bytes, reason: str
) -> None:
    monkeypatch.setattr(ingest, "BODY_SECONDS", SOON)
    before = counted()
    async with serving(context) as web:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
        writer.write(request_bytes)
        async with asyncio.timeout(5):
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert since(before) == {reason: 1}
