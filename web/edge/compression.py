"""Compression of replies: gzip for whoever takes it, where it pays.

A reply never holds a secret beside what its client sent (no view repeats a token), so its compressed size tells
an eavesdropper nothing (BREACH).
"""

from aiohttp import hdrs
from aiohttp.web import Application, ContentCoding, Request, Response, StreamResponse, middleware

from web.base.problems import Handler

FEWEST_BYTES = 1024
"""A smaller reply fits in the packet that its headers need anyway."""

COMPRESSIBLE = ("application/json", "application/problem+json", "application/atom+xml", "text/")


def compress(application: Application) -> None:
    """Let the web application compress its replies."""
    application.middlewares.append(_compressed)


def compress_stream(request: Request, response: StreamResponse) -> None:
    """Compress a reply that is sent as it is made, before its headers are sent."""
    response.headers.add(hdrs.VARY, hdrs.ACCEPT_ENCODING)
    if takes_gzip(request):
        response.enable_compression(ContentCoding.gzip)


def takes_gzip(request: Request) -> bool:
    """Return whether the client says that it takes gzip."""
    for coding in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name.lower() == "gzip":
            return weight not in {"0", "0.0", "0.00", "0.000"}
    return False


@middleware
async def _compressed(request: Request, handler: Handler) -> StreamResponse:
    response = await handler(request)
    if isinstance(response, Response) and _pays(response):
        compress_stream(request, response)
    return response


def _pays(response: Response) -> bool:
    if hdrs.CONTENT_ENCODING in response.headers or not isinstance(response.body, bytes):
        return False
    return len(response.body) >= FEWEST_BYTES and response.content_type.startswith(COMPRESSIBLE)
