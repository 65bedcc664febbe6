"""Web server of a worker: answers malformed HTTP with a problem document too, without flooding the log.

aiohttp answers such a request in plain text before any view or middleware sees it, and logs a traceback for
each, which any stranger can trigger. Its handler of these errors is public; the two classes around it only
install it. aiohttp also waits for clients that never read their reply, which the same class limits.
"""

import asyncio
import logging
from functools import partial
from http import HTTPStatus
from typing import Any

import faust
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web import AppRunner, BaseRequest, Request, RequestHandler, StreamResponse
from aiohttp.web import Server as HttpServer
from faust.web.drivers.aiohttp import Web

from web.base.problems import Handler, Problem, count_refusal, problem_boundary
from web.edge.bodies import withhold_invitation
from web.edge.headers import harden

logger = logging.getLogger(__name__)

LINE_BYTES = 8190
"""The longest line that aiohttp reads: the address, or a header."""

IDLE_SECONDS = 30.0
"""How long a connection may take to send the next header, whether it is silent or sends it byte by byte.
aiohttp's default is an hour."""

REPLY_SECONDS = 120.0
"""How long a client may take to read a reply: 10,000 readings are 3 MB, which is 25 kB/s."""

SHUTDOWN_SECONDS = 5.0
"""How long a stopping worker waits for its replies, and once more after it has aborted them: as long as a
query may take. aiohttp's default of a minute is longer than a service manager waits."""


class ProblemHandler(RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Return the problem for a malformed request; the connection is closed after it."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return super().handle_error(request, status, exc, message)
        logger.debug("A request could not be read: %s", message)
        count_refusal(_meaning(status, exc))
        response = Problem(status, _detail(exc)).response()
        response.force_close()
        harden(response)
        return response

    async def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> tuple[StreamResponse, bool]:
        """Send the rest of a reply; abort if the client does not read it."""
        transport = self.transport
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            # Closing would wait for the client to read the buffer.
            if transport:
                transport.abort()
            return resp, True


class ProblemServer(HttpServer):
    """Makes the connections."""

    def __call__(self) -> RequestHandler:
        """Return the handler of a new connection."""
        return ProblemHandler(self, loop=self._loop, **self._kwargs)


class Runner(AppRunner):
    """Makes the server."""

    async def _make_server(self) -> HttpServer:
        made = await super()._make_server()
        settings: dict[str, Any] = made._kwargs  # noqa: SLF001 - there is no public access
        # In the event loop's debug mode aiohttp would send tracebacks to clients.
        settings["debug"] = False
        # Half a megabyte may decompress to half a gigabyte, which blocks the event loop for half a second.
        settings["auto_decompress"] = False
        # Around the application too: it rejects some headers before its middlewares see them.
        handler = partial(_answer, handler=made.request_handler)
        return ProblemServer(handler, request_factory=made.request_factory, **settings)


class Server(Web):
    """Faust's web server with our runner."""

    def __init__(self, app: faust.App) -> None:
        super().__init__(app)
        self._runner = Runner(
            self.web_app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, keepalive_timeout=IDLE_SECONDS
        )


async def _answer(request: Request, handler: Handler) -> StreamResponse:
    response = await problem_boundary(request, partial(_handle, handler=handler))
    if not response.prepared:
        harden(response)
    return response


async def _handle(request: Request, handler: Handler) -> StreamResponse:
    return await handler(withhold_invitation(request))


def _meaning(status: int, error: BaseException | None) -> HTTPStatus:
    # aiohttp reports 400 for a line that is too long, as for everything else.
    too_long = isinstance(error, LineTooLong)
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_long else HTTPStatus(status)


def _detail(error: BaseException | None) -> str:
    if isinstance(error, LineTooLong):
        return f"The address or a header of the request is longer than {LINE_BYTES} bytes"
    return "The request is no HTTP that can be read"
