"""Readings as a file, CSV or NDJSON: any number of them in little memory."""

import asyncio
import csv
import io
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import Any, Literal

import msgspec
from aiohttp import hdrs
from aiohttp.web import AppKey, Application, Request, StreamResponse

from iss_agents.archive.database import DatabaseAway, Document
from iss_agents.archive.windows import Window, one_ahead
from web.clients import client_of
from web.problems import too_many, unavailable
from web.view import NO_STORE

logger = logging.getLogger(__name__)

Format = Literal["csv", "ndjson"]

COLUMNS = (
    "item_id",
    "source_ts",
    "value",
    "number",
    "state",
    "status_class",
    "suspect",
    "source",
    "snapshot",
    "ingest_ts",
    "event_id",
)
MEDIA: Mapping[Format, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}

MOST_EXPORTS = 10
"""Files that a worker makes at once, each of some 20 MB at most."""

MOST_OF_ONE = 5
"""Files that one client may be sent at once."""

RETRY_SECONDS = 30

WRITE_SECONDS = 60.0
"""How long a client may take to accept one window; one that does not read holds a connection and memory."""

ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection. Clients of HTTP/1.0 take every other end for that of the file."""


class Exports:
    """The files that a worker is making now."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    @contextmanager
    def counting(self, request: Request) -> Iterator[None]:
        """Count one more file as long as the block runs; raises Problem, 503 or 429, if there are too many."""
        if len(self._requests) >= MOST_EXPORTS:
            detail = f"This worker makes {MOST_EXPORTS} files just now; try again later"
            raise unavailable(detail, retry_after=RETRY_SECONDS)
        client = client_of(request).name
        if sum(client_of(other).name == client for other in self._requests) >= MOST_OF_ONE:
            raise too_many(f"A client may be sent {MOST_OF_ONE} files at once", retry_after=RETRY_SECONDS)
        self._requests.append(request)
        try:
            yield
        finally:
            self._requests.remove(request)

    async def break_off(self, _application: Application) -> None:
        """Break off every file: a worker that ends would wait for it, for minutes."""
        for request in self._requests:
            _abort(request)


EXPORTS = AppKey("exports", Exports)
"""Where the web application keeps which files it is making."""


def exports_from(application: Application) -> None:
    """Let the web application make files until it ends."""
    exports = Exports()
    application[EXPORTS] = exports
    application.on_shutdown.append(exports.break_off)


async def export(
    request: Request, windows: AsyncGenerator[Window, None], form: Format, name: str, limit: int | None
) -> StreamResponse:
    """Answer with the documents of `windows`, `limit` at most, as a file `name`.

    When the database fails in the middle the connection breaks, so that no half file looks whole.

    Raises:
        Problem: 503 or 429, too many files are being made.
        DatabaseAway: it failed before anything was sent.
    """
    response = StreamResponse(headers={**NO_STORE, **_headers(form, name)})
    if request.method == hdrs.METH_HEAD:
        return response
    with request.app[EXPORTS].counting(request):
        async with aclosing(one_ahead(windows)) as ahead:
            first = await anext(ahead, None)
            try:
                await response.prepare(request)
                await _send(response, _texts(first, _while_connected(request, ahead), form, limit))
            except (DatabaseAway, ConnectionError, TimeoutError) as error:
                logger.info("an export to %s was broken off: %r", client_of(request).name, error)
                _abort(request)
    return response


async def _while_connected(
    request: Request, windows: AsyncGenerator[Window, None]
) -> AsyncGenerator[Window, None]:
    # Where there is nothing to write, no write fails for a client that has gone.
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
        yield _csv([list(COLUMNS)])
    write = WRITERS[form]
    window, left = first, limit
    while window:
        documents = window.documents[:left]
        if documents:
            # In a thread, or the loop would stand still and the database would not get its next question.
            yield await asyncio.to_thread(write, map(_row, documents))
        left = None if left is None else left - len(documents)
        window = None if left == 0 else await anext(rest, None)


def _row(document: Document) -> list[Any]:
    document["event_id"] = document["_id"]
    for name in ("source_ts", "ingest_ts"):
        document[name] = _text(document[name])
    return [document.get(name) for name in COLUMNS]


def _text(time: datetime) -> str:
    # The archive's times are UTC already: a third of the time that the general way takes.
    return time.isoformat(timespec="milliseconds")[:-6] + "Z"


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_spelt(value) for value in row] for row in rows)
    return text.getvalue()


def _spelt(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _ndjson(rows: Iterable[list[Any]]) -> str:
    documents = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return msgspec.json.Encoder().encode_lines(documents).decode()


WRITERS: dict[Format, Callable[[Iterable[list[Any]]], str]] = {"csv": _csv, "ndjson": _ndjson}


def _abort(request: Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    transport.abort()
