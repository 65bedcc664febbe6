"""Whether a request brings a token, compared in a time that says nothing about it."""

import binascii
import hmac
from base64 import b64decode

from aiohttp import hdrs
from aiohttp.web import Request
from pydantic import SecretStr


def brings(request: Request, token: SecretStr | None, *, as_password: bool = False) -> bool:
    """Return whether `request` brings `token`: as a bearer token or, where that may be, as a password.

    A browser asks its user for a password by itself, and sends it with every file and stream of the page; the
    user name does not matter. An empty token is none.
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
