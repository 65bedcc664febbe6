"""Request bodies: not invited, decompressed or read before the request has been checked.

Access, rate and size are checked from the headers. aiohttp would decompress a body while it arrives, whoever
sent it and whether or not a view reads it, and would answer `Expect: 100-continue` before any middleware sees
the request. A worker's server does neither; a view that takes a body calls `read_body`.
"""

import asyncio
from http import HTTPStatus

from aiohttp import hdrs
from aiohttp.web import Request, RequestKey

from web.base.problems import Problem

INVITATION = "100-continue"
HELD_BACK = RequestKey("held_back", bool)
"""Key of a request whose client waits for `100 Continue` before it sends the body."""

CODINGS = ("identity", "")


def withhold_invitation(request: Request) -> Request:
    """Return `request` without the header that makes aiohttp answer `100 Continue`.

    Raises:
        Problem: the client expects something else.
    """
    expected = request.headers.get(hdrs.EXPECT)
    if expected is None:
        return request
    if expected.lower() != INVITATION:
        raise Problem(
            HTTPStatus.EXPECTATION_FAILED, f"Expect is {expected!r}; {INVITATION} is all that can be expected"
        )
    headers = request.headers.copy()
    del headers[hdrs.EXPECT]
    held = request.clone(headers=headers)
    held[HELD_BACK] = True
    return held


async def read_body(request: Request, content_type: str, most_bytes: int, seconds: float) -> bytes:
    """Return the body of `request`: `content_type`, at most `most_bytes` long, received within `seconds`.

    Raises:
        Problem: it has another type, is compressed, too large or too late.
    """
    _require_type(request, content_type)
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    try:
        return await asyncio.wait_for(_read(request, most_bytes), seconds)
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {seconds:.0f} s") from error


def _require_type(request: Request, content_type: str) -> None:
    if request.content_type != content_type:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body is {request.content_type}; {content_type} is expected"
        )
    coding = ", ".join(request.headers.getall(hdrs.CONTENT_ENCODING, ()))
    if coding.strip().lower() not in CODINGS:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body has the Content-Encoding {coding}; one that is not packed is expected",
        )


async def _read(request: Request, most_bytes: int) -> bytes:
    if request.get(HELD_BACK):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    # In pieces: a body without a length must not fill the memory.
    body = bytearray()
    async for piece in request.content.iter_chunked(most_bytes):
        body += piece
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
    return bytes(body)


def _too_large(most_bytes: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {most_bytes} bytes", limit=most_bytes
    )
