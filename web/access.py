"""Who may read: whoever is on this machine, everyone if the operator says so, or who brings the token."""

from http import HTTPStatus

from aiohttp.web import Request, StreamResponse, middleware

from web.credentials import brings
from web.problems import Handler, Problem
from web.view import parts_of

OPEN = frozenset({"/healthz", "/api/v1/ingest/test"})
"""Probes bring no token, and test readings need one of their own, which their view asks for."""

# The first is what a browser understands, and asks its user.
CHALLENGE = 'Basic realm="iss-agents", charset="UTF-8", Bearer realm="iss-agents"'


@middleware
async def guard(request: Request, handler: Handler) -> StreamResponse:
    """Let a request through if its client may read; also one for an address that leads nowhere."""
    settings = parts_of(request).settings
    if settings.reads_are_open or request.path in OPEN:
        return await handler(request)
    if brings(request, settings.read_token, as_password=True):
        return await handler(request)
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "This worker answers those who bring the token of ISS_READ_TOKEN: as a bearer token, or in a browser "
        "as the password of any user",
        headers={"WWW-Authenticate": CHALLENGE},
    )
