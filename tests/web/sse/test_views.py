import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple, cast

import pytest
from aiohttp import ClientResponse, StreamReader
from prometheus_client import REGISTRY

from iss_agents.state_view.service import StateView
from iss_agents.telemetry import catalog
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import EVENTS
from tests.factories import ChangelogRecord, last_seen, reading_of, urination
from tests.waiting import until
from tests.web.conftest import Client, problem
from web.base.context import WorkerContext
from web.sse import listener, views
from web.sse.broadcast import BEAT_SECONDS, BROADCAST, Broadcast

TANK, CLOCK = "NODE3000005", "TIME_000001"


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    data: Any
    identifier: str


class Listening:
    """An open stream."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer
        self._body: StreamReader = answer.content

    async def block(self) -> dict[str, str]:
        """Return the fields of the next block; none at the end."""
        lines = []
        while line := (await self._body.readline()).decode().rstrip("\n"):
            lines.append(line.partition(": "))
        return {name: value for name, _, value in lines}

    async def event(self, name: str) -> Event:
        """Return the next event of this name; fail if it does not come."""
        async with asyncio.timeout(10):
            while block := await self.block():
                if block.get("event") == name:
                    return Event(name, json.loads(block["data"]), block.get("id", ""))
        raise AssertionError("the stream has ended")

    async def values(self) -> dict[str, str | None]:
        """Return item id -> value of the next event with items."""
        return {item["item_id"]: item["value"] for item in (await self.event("items")).data["items"]}


@asynccontextmanager
async def listening(client: Client, query: str = "", last_id: str = "") -> AsyncIterator[Listening]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with client.get(f"/api/v1/stream?{query}", headers=headers) as answer:
        yield Listening(answer)


def dropped() -> float:
    return REGISTRY.get_sample_value("iss_web_streams_dropped_total") or 0


def broadcast_of(client: Client) -> Broadcast:
    assert client.app
    return client.app[BROADCAST]


def apply(state: StateView, *measured: tuple[str, str]) -> None:
    state.replica.apply([last_seen(reading_of(item, value)) for item, value in measured])


async def seen(client: Client, state: StateView) -> None:
    """Wait until the next listener is told all that the state knows."""
    channel = broadcast_of(client).channel("simulated")
    await until(lambda: channel.items.version == state.replica.version)


async def test_first_comes_everything_and_then_what_changes(client: Client, state: StateView) -> None:
    apply(state, (TANK, "37"))
    await seen(client, state)
    async with listening(client) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        assert stream.answer.headers["X-Accel-Buffering"] == "no"
        assert await stream.block() == {"retry": "2000"}
        everything = await stream.values()
        assert (len(everything), everything[TANK], everything[CLOCK]) == (337, "37", None)

        apply(state, (CLOCK, "1"), (CLOCK, "2"))
        assert await stream.values() == {CLOCK: "2"}


async def test_what_changes_while_a_client_takes_something_comes_at_once(
    client: Client, state: StateView, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcast, send = broadcast_of(client), listener.Listener.send

    async def sent_slowly(self: listener.Listener, data: bytes) -> bool:
        if b'"value":"37"' in data:
            apply(state, (TANK, "38"))
            broadcast.renew()
        return await send(self, data)

    monkeypatch.setattr(listener.Listener, "send", sent_slowly)
    async with listening(client, f"item={TANK}") as stream, asyncio.timeout(10):
        apply(state, (TANK, "37"))
        while await stream.values() != {TANK: "38"}:
            pass


async def test_only_the_items_that_are_asked_for_come(client: Client, state: StateView) -> None:
    async with listening(client, f"item={TANK}&item={CLOCK}&item={TANK}") as stream:
        assert list(await stream.values()) == [TANK, CLOCK]
        apply(state, ("USLAB000058", "745"))
        await seen(client, state)
        apply(state, (TANK, "38"))
        assert await stream.values() == {TANK: "38"}


async def test_who_comes_back_gets_what_changed_since(client: Client, state: StateView) -> None:
    apply(state, (TANK, "37"), (CLOCK, "1"))
    await seen(client, state)
    async with listening(client) as stream:
        last = (await stream.event("items")).identifier
    assert last == f"{state.replica.name}.simulated-2"
    apply(state, (CLOCK, "2"), ("USLAB000058", "745"))
    await seen(client, state)

    async with listening(client, last_id=last) as stream:
        assert await stream.values() == {"USLAB000058": "745", CLOCK: "2"}
    async with listening(client, f"item={TANK}&item={CLOCK}", last_id=last) as stream:
        assert await stream.values() == {CLOCK: "2"}


@pytest.mark.parametrize(
    "last", ["0123abcd-2", "{name}-99", "{name}-", "{name}--1", "{name}-x", "{name}-²", "-", "é", "9" * 5000]
)
async def test_an_id_that_says_nothing_here_gets_everything(
    client: Client, state: StateView, last: str
) -> None:
    async with listening(client, last_id=last.format(name=f"{state.replica.name}.simulated")) as stream:
        assert len(await stream.values()) == 337


async def test_the_status_comes_at_once_and_when_something_happens(client: Client, state: StateView) -> None:
    async with listening(client) as stream:
        first = await stream.event("status")
        assert (first.data["silent"]["who"], first.identifier) == ("unknown", "")

        apply(state, (CLOCK, "1"))
        state.ready = True
        await until(lambda: broadcast_of(client).channel("simulated").status_number > 1)
        second = (await stream.event("status")).data
        while second["silent"]["who"] == "unknown":
            second = (await stream.event("status")).data
        assert (second["silent"]["who"], second["signal"]["state"]) == ("nobody", "AOS")
        assert sorted(second["parts"]) == ["agents", "archive", "database", "feed", "kafka"]


async def test_the_status_is_the_heartbeat(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.sse.broadcast.HEARTBEAT_SECONDS", 0.0)
    async with listening(client) as stream:
        told = [(await stream.event("status")).data["parts"] for _ in range(3)]

    assert told == [told[0]] * 3, "nothing has changed"


async def test_something_comes_every_second_though_nothing_changes(client: Client) -> None:
    async with listening(client) as stream:
        told = [(await stream.event("heartbeat")).data["now"] for _ in range(2)]

    first, second = map(datetime.fromisoformat, told)
    assert second - first >= timedelta(seconds=BEAT_SECONDS)


async def test_a_stream_of_tests_has_them_alone_and_that_of_the_feed_has_none(
    client: Client, state: StateView
) -> None:
    apply(state, (TANK, "37"))
    await seen(client, state)
    async with listening(client) as feed, listening(client, "source=test") as tests:
        assert ((await feed.values())[TANK], (await tests.values())[TANK]) == ("37", None)
        use = ChangelogRecord(EVENTS.name, None, encode(urination("a1", source="test")))
        state.replica.apply([last_seen(reading_of(TANK, "99", source="test")), use])
        apply(state, (TANK, "38"))

        assert [each["event_id"] for each in (await tests.event("uses")).data["uses"]] == ["a1"]
        assert await tests.values() == {TANK: "99"}
        assert await feed.values() == {TANK: "38"}


async def test_a_use_is_told(client: Client, state: StateView) -> None:
    async with listening(client) as stream:
        assert (await stream.event("uses")).data == {"uses": []}
        state.replica.apply([ChangelogRecord(EVENTS.name, None, encode(urination("a1", source="simulated")))])
        (use,) = (await stream.event("uses")).data["uses"]
        assert (use["event_id"], use["level_after"], use["decision"]) == ("a1", 45.0, None)


async def test_head_answers_at_once(client: Client) -> None:
    answer = await client.head("/api/v1/stream")

    assert (answer.status, answer.headers["Content-Type"], await answer.read()) == (
        200,
        "text/event-stream",
        b"",
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("item=NODE9", "an item of the catalogue; GET /api/v1/items lists them"),
        ("&".join(["item=NODE3000005"] * 101), "at most 100 values"),
        ("items=NODE3000005", "one of the names item, source"),
    ],
)
async def test_a_wrong_question_is_named(client: Client, query: str, expected: str) -> None:
    answer = await client.get(f"/api/v1/stream?{query}")

    assert (answer.status, (await answer.json())["expected"]) == (400, expected)


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
