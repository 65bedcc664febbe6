"""A proxy before a database that answers some commands itself, as other servers do."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import bson

HEADER = struct.Struct("<iiii")
"""Of a message: its length, its id, the id that it answers, the kind of message."""

OP_MSG = 2013


class Command(NamedTuple):
    """A command of the driver: its fields, and the documents that follow it, each as its bytes."""

    fields: dict[str, Any]
    documents: list[bytes]

    @property
    def name(self) -> str:
        """What is to be done, such as `insert`."""
        return next(iter(self.fields))


Answer = Callable[[Command], Awaitable[dict[str, Any] | None]]
"""Answers a command, or leaves it to the database with None."""


def as_mongod(largest: int) -> Answer:
    """Refuse a whole command that has a document of more bytes than mongod reads: 16 MiB and 16 KiB."""

    async def answer(command: Command) -> dict[str, Any] | None:
        size = max(map(len, command.documents), default=0)
        if size <= largest:
            return None
        text = f"BSONObj size: {size} ({size:#x}) is invalid. Size must be between 0 and {largest}"
        return {"ok": 0.0, "errmsg": text, "code": 10334, "codeName": "BSONObjectTooLarge"}

    return answer


def refusing(code: int, which: Callable[[dict[str, Any]], bool] = bool) -> Answer:
    """Refuse each document to be written for which `which` is true, and write none of them."""

    async def answer(command: Command) -> dict[str, Any] | None:
        if command.name not in {"insert", "update"}:
            return None
        documents = [bson.decode(each) for each in command.documents]
        errors = [
            {"index": index, "code": code, "errmsg": "refused"}
            for index, document in enumerate(documents)
            if which(document)
        ]
        return {"ok": 1.0, "n": 0, "writeErrors": errors} if errors else None

    return answer


@asynccontextmanager
async def answering(url: str, answer: Answer) -> AsyncIterator[str]:
    """Give the address of a proxy before the database at `url`.

    It has a loop in a thread of its own: the driver ends a connection without awaiting the answer to that.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_serve(url, answer), loop).result()
    host, port = server.sockets[0].getsockname()
    try:
        yield f"mongodb://{host}:{port}/?directConnection=true"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(url: str, answer: Answer) -> asyncio.Server:
    address = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A proxy that ends while it connects closes what the driver has opened, too.
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            from_database, to_database = await asyncio.open_connection(address.hostname, address.port)
            back = asyncio.create_task(_forward(from_database, writer))
            with closing(to_database):
                try:
                    while True:
                        head, body = await _message(reader)
                        reply = await _answered(head, body, answer)
                        (writer if reply else to_database).write(reply or head + body)
                finally:
                    back.cancel()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(HEADER.size)
    return head, await reader.readexactly(HEADER.unpack(head)[0] - HEADER.size)


async def _answered(head: bytes, body: bytes, answer: Answer) -> bytes | None:
    _, message_id, _, kind = HEADER.unpack(head)
    reply = await answer(_command(body)) if kind == OP_MSG else None
    if reply is None:
        return None
    content = b"\0" * 5 + bson.encode(reply)  # no flags, and a section of one document
    return HEADER.pack(HEADER.size + len(content), 0, message_id, OP_MSG) + content


def _command(body: bytes) -> Command:
    fields: dict[str, Any] = {}
    documents: list[bytes] = []
    at = 4
    while at < len(body):
        size = int.from_bytes(body[at + 1 : at + 5], "little")
        section = body[at + 1 : at + 1 + size]
        if body[at] == 0:
            fields = bson.decode(section)
        else:
            documents += _split(section[section.index(b"\0", 4) + 1 :])
        at += 1 + size
    return Command(fields, documents)


def _split(sequence: bytes) -> list[bytes]:
    found: list[bytes] = []
    while sequence:
        size = int.from_bytes(sequence[:4], "little")
        found.append(sequence[:size])
        sequence = sequence[size:]
    return found
