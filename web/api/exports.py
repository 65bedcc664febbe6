"""Exports: readings as a CSV or NDJSON file, any number of them with little memory."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Literal

from aiohttp import hdrs
from aiohttp.web import AppKey, Application, Request, StreamResponse

from iss_agents.archive.mongo import DatabaseUnavailableError, Document
from iss_agents.archive.queries.export_tables import tables
from iss_agents.archive.scan import Window, prefetched
from iss_agents.telemetry.export_rows import Table, csv_header, csv_lines, json_lines
from web.base.problems import unavailable
from web.base.view import NO_STORE
from web.edge.client_address import client_of
from web.edge.client_limit import require_few
from web.edge.compression import compress_stream

logger = logging.getLogger(__name__)

Format = Literal["csv", "ndjson"]

MEDIA: Mapping[Format, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}

MOST_EXPORTS = 10
"""Files that a worker sends at once, each using at most 20 MB of memory."""

MOST_OF_ONE = 5
"""Files that one client may download at once."""

RETRY_SECONDS = 30

WRITE_SECONDS = 60.0
"""How long a client may take to accept one window: one that does not read occupies a connection and memory."""

ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection. HTTP/1.0 clients take any other end for the end of the file."""


class Exports:
    """Exports in progress on this worker."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    @contextmanager
    def counting(self, request: Request) -> Iterator[None]:
        """Count an export during the block; raises Problem, 503 or 429, if there are too many."""
        if len(self._requests) >= MOST_EXPORTS:
            detail = f"This worker makes {MOST_EXPORTS} files just now; try again later"
            raise unavailable(detail, retry_after=RETRY_SECONDS)
        detail = f"A client may be sent {MOST_OF_ONE} files at once"
        clients = (client_of(other).name for other in self._requests)
        require_few(clients, client_of(request).name, MOST_OF_ONE, detail, RETRY_SECONDS)
        self._requests.append(request)
        try:
            yield
        finally:
            self._requests.remove(request)

    async def break_off(self, _application: Application) -> None:
        """Abort every export: a worker that stops would wait for it, for minutes."""
        for request in self._requests:
            _abort(request)


EXPORTS = AppKey("exports", Exports)
"""Where the web application keeps its exports in progress."""


def exports_from(application: Application) -> None:
    """Let the web application send exports until it stops."""
    exports = Exports()
    application[EXPORTS] = exports
    application.on_shutdown.append(exports.break_off)


async def export(
    request: Request, windows: AsyncGenerator[Window, None], form: Format, name: str, limit: int | None
) -> StreamResponse:
    """Answer with the documents of `windows`, at most `limit`, as a file `name`.

    If the database fails midway the connection is reset, so that a partial file does not look complete.

    Raises:
        Problem: 503 or 429, too many exports are in progress.
        DatabaseUnavailableError: it failed before anything was sent.
    """
    response = StreamResponse(headers={**NO_STORE, **_headers(form, name)})
    if request.method == hdrs.METH_HEAD:
        return response
    compress_stream(request, response)
    with request.app[EXPORTS].counting(request):
        async with aclosing(prefetched(windows)) as ahead:
            first = await anext(ahead, None)
            try:
                await response.prepare(request)
                await _send(response, _texts(first, _while_connected(request, ahead), form, limit))
            except (DatabaseUnavailableError, ConnectionError, TimeoutError) as error:
                logger.info("an export to %s was broken off: %r", client_of(request).name, error)
                _abort(request)
    return response


async def _while_connected(
    request: Request, windows: AsyncGenerator[Window, None]
) -> AsyncGenerator[Window, None]:
    # While there is nothing to write, no failing write reveals that the client has gone.
    async for window in windows:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionError("the client has gone")
        yield window


def _headers(form: Format, name: str) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: MEDIA[form],
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}.{form}"',
    }


async def _send(response: StreamResponse, texts: AsyncGenerator[str, None]) -> None:
    async with aclosing(texts):
        async for text in texts:
            await asyncio.wait_for(response.write(text.encode()), WRITE_SECONDS)


async def _texts(
    first: Window | None, rest: AsyncGenerator[Window, None], form: Format, limit: int | None
) -> AsyncGenerator[str, None]:
    if form == "csv":
        yield csv_header()
    write = WRITERS[form]
    window, left = first, limit
    while window:
        documents = window.documents if left is None else window.documents[:left]
        if documents:
            # In a thread: otherwise the event loop would block, and with it the next query.
            yield await asyncio.to_thread(_text, documents, write)
        left = None if left is None else left - len(documents)
        window = None if left == 0 else await anext(rest, None)


def _text(documents: Sequence[Document], write: Callable[[Table], str]) -> str:
    return "".join(map(write, tables(documents)))


def _ndjson(table: Table) -> str:
    return json_lines(table).decode()


WRITERS: dict[Format, Callable[[Table], str]] = {"csv": csv_lines, "ndjson": _ndjson}


def _abort(request: Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    transport.abort()
