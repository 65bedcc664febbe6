"""A listener that is slower than the server: TCP holds back the server, and nothing piles up in the client."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from lightstreamer.client import LightstreamerClient, Subscription, SubscriptionListener

from iss_agents.feed.lightstreamer_corrections import PromptListener, correct_library
from iss_agents.simulator.tlcp.wire import SUBPROTOCOL
from tests.feed.scripted_session import as_shipped
from tests.waiting import until

pytestmark = pytest.mark.long

PADDING = "." * 10_000
UPDATES = 6_000
"""60 MB, several times what the sockets of both sides hold."""


class Flood:
    """A server that sends one item's updates as fast as they are taken."""

    def __init__(self) -> None:
        self.sent = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL], timeout=0.1)
        await socket.prepare(request)
        # The client asks for a session, for the item, and at last for the end.
        for answer in ("WSOK", "CONOK,S1,50000,60000,*", "SUBOK,1,1,1"):
            await socket.receive_str()
            await socket.send_str(answer + "\r\n")
        for number in range(UPDATES):
            await socket.send_str(f"U,1,1,{number} {PADDING}\r\n")
            self.sent += 1
        await socket.receive()
        return socket


class SlowListener(SubscriptionListener, PromptListener):  # type: ignore[misc]
    """A listener that waits at its first update, although it promises that it does not."""

    def __init__(self) -> None:
        self.released = Event()
        self.numbers: list[int] = []

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802
        self.numbers.append(int(update.getValue("Value").split()[0]))
        self.released.wait(120)


@pytest.fixture
async def flood() -> AsyncIterator[tuple[Flood, str]]:
    server = Flood()
    application = web.Application()
    application.router.add_get("/lightstreamer", server.serve)
    async with TestServer(application) as running:
        yield server, str(running.make_url("/"))


async def test_a_server_waits_for_a_slow_listener(flood: tuple[Flood, str]) -> None:
    correct_library()
    server, url = flood
    client, listener = connect(url)
    await until(lambda: stands_still(server))
    held_back_at = server.sent
    listener.released.set()
    await until(lambda: len(listener.numbers) == UPDATES)
    client.disconnect()

    assert held_back_at < UPDATES / 2
    assert listener.numbers == [*range(UPDATES)]


async def test_the_library_takes_everything_into_memory(flood: tuple[Flood, str]) -> None:
    correct_library()
    server, url = flood
    with as_shipped():
        client, listener = connect(url)
        await until(lambda: server.sent == UPDATES)
        waiting = UPDATES - len(listener.numbers)
        client.disconnect()
        listener.released.set()

    assert waiting > UPDATES / 2


def connect(url: str) -> tuple[LightstreamerClient, SlowListener]:
    client, listener = LightstreamerClient(url, "ISSLIVE"), SlowListener()
    subscription = Subscription("MERGE", ["NODE3000005"], ["Value"])
    subscription.setRequestedSnapshot("yes")
    subscription.addListener(listener)
    client.subscribe(subscription)
    client.connect()
    return client, listener


async def stands_still(server: Flood) -> bool:
    before = server.sent
    await asyncio.sleep(0.5)
    return 0 < before == server.sent
