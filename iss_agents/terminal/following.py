"""Follows the live stream of a worker: server-sent events, and a connection that mends itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from iss_agents.terminal.client import Api, Busy, Unreachable

RETRY_SECONDS = 2.0
"""How long to wait before the next attempt, unless the worker says otherwise."""


class ServerEvent(NamedTuple):
    """One event; `data` is JSON. `last_id` is what a new connection tells to get only what came after it."""

    name: str
    data: str
    last_id: str


@dataclass
class EventReader:
    """Bytes -> events, as the HTML standard reads a `text/event-stream`.

    `last_id` and `retry_seconds` are what the worker said last of them.
    """

    last_id: str = ""
    retry_seconds: float = RETRY_SECONDS
    _rest: bytes = b""
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def read(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Yield the events that `chunk` completes; it may begin and end anywhere."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._take(line.rstrip(b"\r").decode(errors="replace"))

    def _take(self, line: str) -> Iterator[ServerEvent]:
        if not line:
            if self._data:
                yield ServerEvent(self._name or "message", "\n".join(self._data), self.last_id)
            self._name, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
        elif name == "retry" and value.isdecimal():
            self.retry_seconds = int(value) / 1000


async def follow(
    api: Api, items: Sequence[str], lost: Callable[[], None], back: Callable[[], None]
) -> AsyncIterator[ServerEvent]:
    """Yield the events of these items (none means all) for ever; call `lost` and `back` once a break.

    Raises:
        Unreachable, Busy: the first connection failed. Later ones are tried again.
        UserError: the worker refuses the question.
    """
    reader = EventReader()
    connected = was_connected = False
    while True:
        try:
            async for event in _connection(api, items, reader):
                if was_connected and not connected:
                    back()
                connected = was_connected = True
                yield event
        except (Unreachable, Busy):
            if not was_connected:
                raise
        if connected or not was_connected:
            lost()
        connected, was_connected = False, True
        await asyncio.sleep(reader.retry_seconds)


async def _connection(api: Api, items: Sequence[str], reader: EventReader) -> AsyncIterator[ServerEvent]:
    fresh = EventReader(reader.last_id, reader.retry_seconds)
    headers = {"Last-Event-ID": reader.last_id} if reader.last_id else {}
    async with api.stream("/stream", {"item": items}, headers) as chunks:
        async for chunk in chunks:
            for event in fresh.read(chunk):
                reader.last_id, reader.retry_seconds = fresh.last_id, fresh.retry_seconds
                yield event
