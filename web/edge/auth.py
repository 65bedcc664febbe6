"""Authentication: readers are local, or everyone may read (ISS_PUBLIC), or they send the token."""

import binascii
import hmac
from base64 import b64decode
from http import HTTPStatus

from aiohttp import hdrs
from aiohttp.web import Request, StreamResponse, middleware
from pydantic import SecretStr

from web.base.problems import Handler, Problem
from web.base.view import context_of
from web.edge.rate_limit import PROBES

OPEN = PROBES | {"/api/v1/ingest/test"}
"""Probes need no token and get no details; test readings need another token: see their view."""

# Browsers understand the first and ask their user.
CHALLENGE = 'Basic realm="iss-agents", charset="UTF-8", Bearer realm="iss-agents"'


def may_read(request: Request) -> bool:
    """Return whether the client may read everything: reading is open, or it sent the token."""
    settings = context_of(request).settings
    return settings.reads_are_open or brings(request, settings.read_token, as_password=True)


@middleware
async def guard(request: Request, handler: Handler) -> StreamResponse:
    """Pass a request on if its client may read, even for an address that does not exist."""
    if request.path in OPEN or may_read(request):
        return await handler(request)
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "This worker answers those who bring the token of ISS_READ_TOKEN: as a bearer token, or in a browser "
        "as the password of any user",
        headers={"WWW-Authenticate": CHALLENGE},
    )


def brings(request: Request, token: SecretStr | None, *, as_password: bool = False) -> bool:
    """Return whether `request` carries `token`: as a bearer token or, if allowed, as a password.

    A browser asks its user for the password, and sends it with every file and stream of the page; the user name
    does not matter. An empty token never matches.
    """
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    given = _given(scheme.lower(), text.strip(), as_password=as_password)
    expected = token.get_secret_value().encode() if token else b""
    return bool(expected) and hmac.compare_digest(given, expected)


def _given(scheme: str, text: str, *, as_password: bool) -> bytes:
    if scheme == "bearer":
        return text.encode(errors="surrogateescape")
    return _password(text) if scheme == "basic" and as_password else b""


def _password(text: str) -> bytes:
    try:
        return b64decode(text, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
