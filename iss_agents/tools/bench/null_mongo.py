"""Null MongoDB: a server that speaks MongoDB's protocol and acknowledges every write without storing it.

It removes the database from a measurement: what remains is the cost of the archive itself.
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

import bson

HEADER = struct.Struct("<iiii")
"""Length, request id, id answered, kind of message: how every message of the protocol begins."""

QUERY, MESSAGE, REPLY = 2004, 2013, 1
"""Kinds of message: OP_QUERY, with which drivers say hello, OP_MSG, and OP_REPLY."""

CHECKSUM = 1
LARGEST_DOCUMENT = 16 * 1024 * 1024
LARGEST_MESSAGE = 48_000_000
LARGEST_BATCH = 100_000
NEWEST_PROTOCOL = 21
"""What a MongoDB 7 reports in `hello`."""

HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "maxBsonObjectSize": LARGEST_DOCUMENT,
    "maxMessageSizeBytes": LARGEST_MESSAGE,
    "maxWriteBatchSize": LARGEST_BATCH,
    "minWireVersion": 0,
    "maxWireVersion": NEWEST_PROTOCOL,
}


async def serve(port: int) -> None:
    """Acknowledge at 127.0.0.1:`port` until the task is cancelled."""
    server = await asyncio.start_server(_converse, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            length, request, _, kind = HEADER.unpack(await reader.readexactly(HEADER.size))
            body = await reader.readexactly(length - HEADER.size)
            writer.write(_answer(kind, request, body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _answer(kind: int, request: int, body: bytes) -> bytes:
    if kind == QUERY:
        reply = bson.encode(HELLO | {"ok": 1.0})
        return _framed(REPLY, request, struct.pack("<iqii", 0, 0, 0, 1) + reply)
    command, count = _command(body)
    return _framed(MESSAGE, request, struct.pack("<iB", 0, 0) + bson.encode(_reply(command, count)))


def _framed(kind: int, request: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), 0, request, kind) + body


def _command(body: bytes) -> tuple[Mapping[str, Any], int]:
    """Return the command of an OP_MSG and how many documents come with it, uncounted in it."""
    (flags,) = struct.unpack_from("<i", body)
    end = len(body) - 4 * (flags & CHECKSUM)
    command, count, at = {}, 0, 4
    while at < end:
        (length,) = struct.unpack_from("<i", body, at + 1)
        if body[at] == 0:
            command = bson.decode(body[at + 1 : at + 1 + length])
        else:
            count += _documents(body, body.index(0, at + 5) + 1, at + 1 + length)
        at += 1 + length
    return command, count


def _documents(body: bytes, at: int, end: int) -> int:
    count = 0
    while at < end:
        (length,) = struct.unpack_from("<i", body, at)
        at, count = at + length, count + 1
    return count


def _reply(command: Mapping[str, Any], count: int) -> dict[str, Any]:
    name = next(iter(command))
    if name.lower() in {"hello", "ismaster"}:
        return HELLO | {"ok": 1.0}
    if name in {"find", "aggregate", "listIndexes", "listCollections"}:
        cursor = {"id": 0, "ns": f"{command['$db']}.none", "firstBatch": []}
        return {"cursor": cursor, "ok": 1.0}
    return {"n": count, "nModified": 0, "ok": 1.0}
