"""CORS: pages of the origins that the operator names may read the API.

Only GET and HEAD below /api/v1, without cookies or tokens; everything else keeps the same-origin policy.
"""

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp.web import Application, Request, Response, StreamResponse, middleware

from web.base.problems import Handler

ANY = "*"
PREFIX = "/api/v1/"
INGEST = f"{PREFIX}ingest/"
READING = ("GET", "HEAD")

PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(READING),
    "Access-Control-Allow-Headers": "Cache-Control, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "7200",
}
"""Reply to a preflight. Chromium caches it for at most two hours."""

EXPOSED = "Allow, Content-Disposition, ETag, Retry-After"
"""Headers that a script may read besides the safelisted ones."""


def allow(application: Application, origins: Sequence[str]) -> None:
    """Let pages of `origins` read the API; `*` means all origins."""
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
    # A signal, not a middleware: a stream sends its headers before a middleware sees the response.
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
    # Also without an origin: a cache must not serve this reply to a page that may read it.
    return {"Vary": "Origin", **allowed}
