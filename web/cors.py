"""Lets pages of other origins read the API: those that the operator names, and no other.

Only reading: GET and HEAD below /api/v1, without cookies or tokens. Everything else stays as a browser has it.
"""

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp.web import Application, Request, Response, StreamResponse, middleware

from web.problems import Handler

ANY = "*"
PREFIX = "/api/v1/"
INGEST = f"{PREFIX}ingest/"
READING = ("GET", "HEAD")

PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(READING),
    "Access-Control-Allow-Headers": "Cache-Control, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "7200",
}
"""What a preflight is told. Two hours are the longest that Chromium believes it."""

EXPOSED = "Allow, Content-Disposition, ETag, Retry-After"
"""The headers that a script may read beside those that every script may."""


def allow(application: Application, origins: Sequence[str]) -> None:
    """Let pages of `origins` read the API; `*` are all, none changes nothing."""
    if not origins:
        return

    @middleware
    async def preflight(request: Request, handler: Handler) -> StreamResponse:
        return (
            Response(status=HTTPStatus.NO_CONTENT, headers=PREFLIGHT)
            if _asks(request)
            else await handler(request)
        )

    async def mark(request: Request, response: StreamResponse) -> None:
        if _is_readable(request):
            response.headers.extend(_headers(request, origins))

    application.middlewares.append(preflight)
    # A signal and no middleware: a stream has sent its headers before a middleware sees it.
    application.on_response_prepare.append(mark)


def _asks(request: Request) -> bool:
    asked = request.headers.get("Access-Control-Request-Method")
    return request.method == "OPTIONS" and asked in READING and _is_readable(request)


def _is_readable(request: Request) -> bool:
    reads = request.method in {*READING, "OPTIONS"}
    return reads and request.path.startswith(PREFIX) and not request.path.startswith(INGEST)


def _headers(request: Request, origins: Sequence[str]) -> dict[str, str]:
    exposed = {"Access-Control-Expose-Headers": EXPOSED}
    if ANY in origins:
        return {"Access-Control-Allow-Origin": ANY, **exposed}
    origin = request.headers.get("Origin", "")
    allowed = {"Access-Control-Allow-Origin": origin, **exposed} if origin in origins else {}
    # Also without an origin: a cache must not give this answer to a page that may read it.
    return {"Vary": "Origin", **allowed}
