"""What every reply tells a browser not to do, whatever else it says."""

from aiohttp import hdrs
from aiohttp.web import Application, Request, StreamResponse

from web.clients import client_of

SERVER = "iss-agents"
"""In place of the versions of Python and aiohttp, which aiohttp tells everyone."""

HEADERS = {
    # Pages bring a policy of their own; nothing else is to be run or shown in a frame.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

SECURE = {"Strict-Transport-Security": "max-age=31536000"}
"""A year of nothing but https, told to who came by it: on plain http it means nothing (RFC 6797)."""


def protect(application: Application) -> None:
    """Give every reply of the web application these headers."""
    # A signal and no middleware: a stream has sent its headers before a middleware sees it.
    application.on_response_prepare.append(_protect)


def harden(response: StreamResponse, *, secure: bool = False) -> None:
    """Add what `response` does not say by itself."""
    response.headers[hdrs.SERVER] = SERVER
    for name, value in (HEADERS | (SECURE if secure else {})).items():
        response.headers.setdefault(name, value)


async def _protect(request: Request, response: StreamResponse) -> None:
    harden(response, secure=client_of(request).secure)
