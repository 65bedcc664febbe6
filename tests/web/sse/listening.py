"""An open stream of server-sent events, as its listener sees it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import ClientResponse, StreamReader

from iss_agents.state_view.service import StateView
from tests.factories import last_seen, reading_of
from tests.waiting import until
from tests.web.conftest import Client
from web.sse.broadcast import BROADCAST, Broadcast


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
    """Open a stream, after the event `last_id` if there is one."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with client.get(f"/api/v1/stream?{query}", headers=headers) as answer:
        yield Listening(answer)


def broadcast_of(client: Client) -> Broadcast:
    """Return what the worker sends to all listeners."""
    assert client.app
    return client.app[BROADCAST]


def apply(state: StateView, *measured: tuple[str, str]) -> None:
    """Have items change to these values."""
    state.replica.apply([last_seen(reading_of(item, value)) for item, value in measured])


async def seen(client: Client, state: StateView) -> None:
    """Wait until the next listener is told all that the state knows."""
    channel = broadcast_of(client).channel("simulated")
    await until(lambda: channel.items.version == state.replica.version)
