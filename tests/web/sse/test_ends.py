"""A stream ends for who leaves or takes nothing, and at the end of the worker; for nobody else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from itertools import count
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from iss_agents.state_view.service import StateView
from iss_agents.telemetry import catalog
from tests.waiting import until
from tests.web.conftest import Client, problem
from tests.web.sse.listening import apply, broadcast_of, listening
from web.base.context import WorkerContext
from web.sse import listener, views

TANK = "NODE3000005"


def dropped() -> float:
    return REGISTRY.get_sample_value("iss_web_streams_dropped_total") or 0


async def test_there_is_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_LISTENERS", 1)
    async with listening(client) as first:
        await first.event("items")
        answer = await client.get("/api/v1/stream")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        detail = "This worker has 1 open streams, or is about to end; try again later"
        assert await answer.json() == problem(503, "Service Unavailable", detail)


async def test_who_leaves_is_forgotten(client: Client, state: StateView) -> None:
    broadcast = broadcast_of(client)
    async with listening(client) as stream:
        await stream.event("items")
        assert len(broadcast.listeners) == 1
    apply(state, (TANK, "37"))
    await until(lambda: not broadcast.listeners)


async def test_at_the_end_every_stream_ends(client: Client) -> None:
    async with listening(client) as first, listening(client) as second:
        await first.event("items")
        await second.event("items")
        await broadcast_of(client).close(cast(Any, client.app))
        for stream in (first, second):
            async with asyncio.timeout(10):
                await stream.answer.content.read()
            assert stream.answer.content.at_eof()


@asynccontextmanager
async def deaf(client: Client) -> AsyncIterator[None]:
    """Ask for the stream, read nothing of it, and let the system take little."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", client.port))
    connection.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with closing(connection):
        yield


async def change_all_until(state: StateView, done: Callable[[], object]) -> None:
    """Have every item change again and again."""
    numbers = count()

    def changed_and_done() -> object:
        number = str(next(numbers))
        apply(state, *((item, number) for item in catalog.items()))
        return done()

    await until(changed_and_done)


async def test_who_takes_nothing_is_dropped_and_others_go_on(
    client: Client, state: StateView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "STUCK_SECONDS", 0.3)
    broadcast, before = broadcast_of(client), dropped()
    async with listening(client, f"item={TANK}") as other, deaf(client):
        await other.event("items")
        await until(lambda: len(broadcast.listeners) == 2)
        await change_all_until(state, lambda: dropped() == before + 1)
        await until(lambda: len(broadcast.listeners) == 1)

        apply(state, (TANK, "last"))
        while await other.values() != {TANK: "last"}:
            pass


async def test_the_end_does_not_wait_for_who_takes_nothing(client: Client, state: StateView) -> None:
    broadcast = broadcast_of(client)
    async with deaf(client):
        await until(lambda: broadcast.listeners)
        (stuck,) = broadcast.listeners
        await change_all_until(state, lambda: stuck.waiting_for >= 1.0)
        await broadcast.close(cast(Any, client.app))
        await until(lambda: not broadcast.listeners)


async def test_a_failing_tick_is_logged_and_the_next_one_comes(
    client: Client, state: StateView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(client) as stream:
        await stream.event("items")
        with monkeypatch.context() as broken:
            broken.setattr(state, "reading", lambda _item: 1 / 0)
            await until(lambda: "The stream's update failed; the next one comes" in caplog.text)
        apply(state, (TANK, "37"))
        assert await stream.values() == {TANK: "37"}


async def test_a_worker_without_the_state_says_whom_to_ask(client: Client, context: WorkerContext) -> None:
    context.state = None
    answer = await client.get("/api/v1/stream")

    assert answer.status == 503
