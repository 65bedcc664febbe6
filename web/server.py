"""The web server of a worker: what is no HTTP at all is answered with a problem too, and does not fill the log.

aiohttp answers such a request before any view or middleware sees it, as plain text, and logs a traceback for
each, which a stranger can do at will. Its handler of these errors is public; the two classes around it are
there only to put it in. Nor does it mind a client that does not take its answer, which the same class does.
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

from web.problems import Handler, Problem, problem_boundary
from web.refusals import count_refusal
from web.security_headers import harden

logger = logging.getLogger(__name__)

LINE_BYTES = 8190
"""The longest line that aiohttp reads: the address, or a header."""

IDLE_SECONDS = 30.0
"""How long a connection may take until the next header is there, whether it is silent or sends it byte by byte.
aiohttp's own is an hour."""

TAKE_SECONDS = 120.0
"""How long a client may take over an answer: 10,000 readings are 3 MB, and come so at 25 kB/s."""

END_SECONDS = 5.0
"""How long a worker that ends waits for its answers, and once more after it has given them up: as long as a
question to the database may take. aiohttp's own minute is longer than whoever stops a worker waits."""


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
        """Return the problem of a request that could not be read; the connection ends after it."""
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
        """Send what is left of an answer; break off if the client does not take it."""
        transport = self.transport
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            # Closing would wait for the client to take what is buffered.
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
        settings: dict[str, Any] = made._kwargs  # noqa: SLF001 - there is no other way to them
        # In an event loop's debug mode aiohttp would show tracebacks to everyone.
        settings["debug"] = False
        # Around the application too: it refuses some headers before its middlewares come to see them.
        handler = partial(_answer, handler=made.request_handler)
        return ProblemServer(handler, request_factory=made.request_factory, **settings)


class Server(Web):
    """Faust's web server with our runner."""

    def __init__(self, app: faust.App) -> None:
        super().__init__(app)
        self._runner = Runner(
            self.web_app, access_log=None, shutdown_timeout=END_SECONDS, keepalive_timeout=IDLE_SECONDS
        )


async def _answer(request: Request, handler: Handler) -> StreamResponse:
    response = await problem_boundary(request, handler)
    if not response.prepared:
        harden(response)
    return response


def _meaning(status: int, error: BaseException | None) -> HTTPStatus:
    # aiohttp says 400 of a line that is too long as of all else.
    too_long = isinstance(error, LineTooLong)
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_long else HTTPStatus(status)


def _detail(error: BaseException | None) -> str:
    if isinstance(error, LineTooLong):
        return f"The address or a header of the request is longer than {LINE_BYTES} bytes"
    return "The request is no HTTP that can be read"
