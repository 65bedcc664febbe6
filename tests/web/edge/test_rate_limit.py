"""No client takes the worker from the others, whoever it says it is."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.web.conftest import Client, problem
from web.edge import rate_limit
from web.edge.rate_limit import Buckets
from web.sse import views


class Clock:
    """Time that a test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_at_once_and_filled_by_and_by() -> None:
    clock = Clock()
    buckets = Buckets(clock)

    assert [buckets.wait("a") for _ in range(int(rate_limit.BURST))] == [0.0] * int(rate_limit.BURST)
    assert buckets.wait("a") == pytest.approx(1 / rate_limit.RATE)
    assert buckets.wait("b") == 0.0, "another client has a bucket of its own"
    clock.now += 2.5 / rate_limit.RATE
    assert [bool(buckets.wait("a")) for _ in range(3)] == [False, False, True]


def test_a_long_silence_fills_no_more_than_a_bucket() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    buckets.wait("a")
    clock.now += 86_400

    assert [buckets.wait("a") for _ in range(int(rate_limit.BURST))] == [0.0] * int(rate_limit.BURST)
    assert buckets.wait("a") > 0


def test_so_many_clients_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_CLIENTS", 3)
    monkeypatch.setattr(rate_limit, "BURST", 1.0)
    buckets = Buckets(Clock())
    for client in ("a", "b", "c", "a", "d"):
        buckets.wait(client)

    assert len(buckets) == 3
    # b was silent the longest.
    assert buckets.wait("a") > 0
    assert buckets.wait("b") == 0.0


@pytest.fixture
def proxies() -> str:
    return "127.0.0.1"


@pytest.fixture
def changes(proxies: str) -> dict[str, Any]:
    return {"public": True, "trusted_proxies": proxies}


def forwarded(*clients: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(clients)}


async def test_who_asks_too_often_is_told_when_to_ask_again_and_others_go_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "BURST", 3.0)
    monkeypatch.setattr(rate_limit, "RATE", 0.001)
    headers = forwarded("192.0.2.1")
    statuses = [(await client.get(path, headers=headers)).status for path in ("/", "/nothing", "/api")]
    answer = await client.get("/api/v1/items", headers=headers)

    assert statuses == [200, 404, 200]
    assert 990 <= int(answer.headers["Retry-After"]) <= 1000
    detail = "A client may ask 0 times a second; try again later"
    assert await answer.json() == problem(429, "Too Many Requests", detail)
    assert (await client.get("/api/v1/items", headers=forwarded("192.0.2.2"))).status == 200
    probes = ("/livez", "/readyz", "/healthz")
    assert 429 not in [(await client.get(path, headers=headers)).status for path in probes]


async def test_one_client_has_not_all_places_of_the_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_OF_ONE", 2)
    async with AsyncExitStack() as opened:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            answer = await opened.enter_async_context(client.get("/api/v1/stream", headers=forwarded(address)))
            assert answer.status == 200
        third = await client.get("/api/v1/stream", headers=forwarded("192.0.2.1"))
        assert third.headers["Retry-After"] == "10"
        detail = "A client may have 2 open streams; close one of them"
        assert await third.json() == problem(429, "Too Many Requests", detail)
