"""Host check: a worker that needs no token from local readers answers requests for local names only.

Otherwise any web page could read it through a visitor's browser, with a domain that resolves to 127.0.0.1 (DNS
rebinding). With a token or ISS_PUBLIC the name does not matter.
"""

import re
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs
from aiohttp.web import Request, StreamResponse, middleware

from web.base.problems import Handler, Problem, bad_input
from web.base.view import context_of

AUTHORITY = re.compile(r"(?P<host>[a-z0-9._~-]+|\[[0-9a-f:.]+\])(:\d{0,5})?", re.IGNORECASE)
"""A host and an optional port (RFC 3986, 3.2), restricted to characters that hosts have."""


@middleware
async def answer_to_own_names(request: Request, handler: Handler) -> StreamResponse:
    """Reject a request with an invalid Host, or a foreign one where only this machine may read."""
    host = _host(request)
    if host and context_of(request).settings.reads_are_local and not _is_this_machine(host):
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"This worker answers to localhost only, and was asked as {host}; "
            "set ISS_PUBLIC=true if everyone may read it",
        )
    return await handler(request)


def _host(request: Request) -> str:
    """Return the requested host in lower case; an HTTP/1.0 client need not send one.

    Raises:
        Problem: it is invalid or missing.
    """
    authority = _authority(request)
    if authority is None and request.version < HttpVersion11:
        return ""
    found = AUTHORITY.fullmatch(authority or "")
    if not found:
        raise bad_input("Host", authority, "a host, and a port if it is not the usual one")
    return found["host"].lower()


def _authority(request: Request) -> str | None:
    # An absolute request target takes precedence over the header (RFC 9112, 3.2.2).
    if request.raw_path.startswith(("http://", "https://")):
        return urlsplit(request.raw_path).netloc
    return request.headers.get(hdrs.HOST)


def _is_this_machine(host: str) -> bool:
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
