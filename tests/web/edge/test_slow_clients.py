"""Who sends or takes its bytes one by one is cut off, and keeps nothing of the worker."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import faust
import pytest
from aiohttp.web import TCPSite

from iss_agents.local_stack.ports import free_port
from tests.factories import TOKEN
from tests.waiting import until
from web.api import ingest
from web.base.context import WorkerContext
from web.edge import server
from web.edge.headers import HEADERS
from web.edge.server import Server
from web.routes import mount

SOON = 0.3
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /api/v1/ingest/test HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
)


@asynccontextmanager
async def serving(context: WorkerContext) -> AsyncIterator[Server]:
    """Serve the views of `context` with the worker's own server, on a free port."""
    app = faust.App("test", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    mount(app, context)
    app.web.init_server()
    web = cast(Server, app.web)
    await web._runner.setup()
    await TCPSite(web._runner, "127.0.0.1", free_port()).start()
    try:
        yield web
    finally:
        await web._runner.cleanup()


def port_of(web: Server) -> int:
    return int(web._runner.addresses[0][1])


async def told(port: int, first: bytes, again: bytes) -> bytes:
    """Send `first`, then `again` until the other side ends; return what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    answer = asyncio.create_task(reader.read())

    def ended() -> bool:
        if not answer.done():
            writer.write(again)
        return answer.done()

    try:
        await until(ended)
        return await answer
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("first", "again", "answers"),
    [(b"", b"", 0), (HEAD, b"X", 0), (HEAD + b"\r\n", b"", 1)],
    ids=["nothing", "half a header, and more byte by byte", "a request, and nothing more"],
)
async def test_a_connection_whose_header_does_not_come_ends(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch, first: bytes, again: bytes, answers: int
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", SOON)
    async with serving(context) as web:
        assert (await told(port_of(web), first, again)).count(b"HTTP/1.") == answers


async def test_a_body_that_comes_byte_by_byte_is_not_waited_for(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BODY_SECONDS", SOON)
    async with serving(context) as web:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
        writer.write(POST + b" ")
        async with asyncio.timeout(5):
            line = await reader.readline()
        writer.close()

    assert line == b"HTTP/1.1 408 Request Timeout\r\n"


async def test_who_does_not_take_its_answer_is_cut_off(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REPLY_SECONDS", SOON)
    async with serving(context) as web:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", port_of(web)))
        # More answers than the system keeps for who does not read.
        deaf.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        assert web._runner.server
        await until(lambda: web._runner.server and web._runner.server.connections)
        await until(lambda: web._runner.server and not web._runner.server.connections)
        deaf.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        HEAD + b"X: " + b"a" * 9000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"Expect: the-unexpected\r\n\r\n",
    ],
    ids=["no HTTP", "a long header", "many headers", "no address", "expecting"],
)
async def test_what_cannot_be_read_is_answered_with_the_headers_of_every_reply(
    context: WorkerContext, request_bytes: bytes
) -> None:
    async with serving(context) as web:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
        writer.write(request_bytes)
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.close()

    assert head.startswith(("HTTP/1.0 4", "HTTP/1.1 4"))
    assert "Server: iss-agents\r\n" in head
    assert all(f"{name}: {value}\r\n" in head for name, value in HEADERS.items())
