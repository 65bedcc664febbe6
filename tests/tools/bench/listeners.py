"""Clients of the stream that note when a reading arrives."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import msgspec

from tests.waiting import until


class Item(msgspec.Struct):
    """What of an item's document is measured."""

    measured: bool
    ingest_ts: datetime | None


class ItemsEvent(msgspec.Struct):
    """The data of an event with items."""

    items: list[Item]


decode_items = msgspec.json.Decoder(ItemsEvent).decode


class Listener:
    """A client of the stream. `delays` are the seconds from ingest to arrival, but for what came at first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.delays: list[float] = []
        self.events = 0
        self._reader, self._writer = reader, writer

    async def listen(self) -> None:
        """Read until cancelled."""
        name = b""
        while line := await self._reader.readline():
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"items":
                self._take(line[6:])

    def _take(self, data: bytes) -> None:
        now = datetime.now(UTC)
        self.events += 1
        if self.events > 1:
            came = [item.ingest_ts for item in decode_items(data).items if item.ingest_ts]
            self.delays += [(now - ingest_ts).total_seconds() for ingest_ts in came]

    def close(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()


async def connect(port: int, receive_bytes: int | None = None, number: int = 0) -> Listener:
    """Open a stream of all items; with `receive_bytes` the system takes only that much unread.

    Fifty numbers after another are one client of the worker, the next fifty another.
    """
    connection = socket.socket()
    connection.bind((f"127.0.0.{1 + number // 50}", 0))
    connection.settimeout(0)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
    writer.write(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
    return Listener(reader, writer)


@asynccontextmanager
async def listening(port: int, number: int) -> AsyncIterator[list[Listener]]:
    """Keep streams open until the block ends; all have got their first event."""
    listeners = []
    async with AsyncExitStack() as stack:
        for each in range(number):
            listener = await connect(port, number=each)
            stack.callback(listener.close)
            stack.callback(asyncio.create_task(listener.listen()).cancel)
            listeners.append(listener)
        await until(lambda: all(listener.events for listener in listeners), 120)
        yield listeners
