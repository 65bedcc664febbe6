"""Security headers of every reply."""

from aiohttp import hdrs
from aiohttp.web import Application, Request, StreamResponse

from web.edge.client_address import client_of

SERVER = "iss-agents"
"""Replaces the versions of Python and aiohttp, which aiohttp sends by default."""

HEADERS = {
    # Pages set their own policy; nothing else may be executed or framed.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

SECURE = {"Strict-Transport-Security": "max-age=31536000"}
"""A year of https only, sent over https: over plain http it is ignored (RFC 6797)."""


def protect(application: Application) -> None:
    """Give every reply of the web application these headers."""
    # A signal, not a middleware: a stream sends its headers before a middleware sees the response.
    application.on_response_prepare.append(_protect)


def harden(response: StreamResponse, *, secure: bool = False) -> None:
    """Add the headers that `response` does not set itself."""
    response.headers[hdrs.SERVER] = SERVER
    for name, value in (HEADERS | (SECURE if secure else {})).items():
        response.headers.setdefault(name, value)


async def _protect(request: Request, response: StreamResponse) -> None:
    harden(response, secure=client_of(request).secure)
