"""Problem documents: errors as RFC 9457 JSON, counted, and the boundary that turns every error into one."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
from aiohttp.web import HTTPException, Request, Response, StreamResponse, middleware

from iss_agents.runtime.metrics import WEB_REFUSED

logger = logging.getLogger(__name__)

REASONS = {
    HTTPStatus.UNAUTHORIZED: "token",
    HTTPStatus.FORBIDDEN: "token",
    HTTPStatus.NOT_FOUND: "address",
    HTTPStatus.METHOD_NOT_ALLOWED: "address",
    HTTPStatus.REQUEST_TIMEOUT: "time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "size",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "size",
    HTTPStatus.TOO_MANY_REQUESTS: "rate",
}
"""Status -> reason of the rejection, for the metric; every other 4xx is `input`."""

CONTENT_TYPE = "application/problem+json"
Handler = Callable[[Request], Awaitable[StreamResponse]]


def count_refusal(status: HTTPStatus) -> None:
    """Count a request that is answered with `status`, if that is a rejection."""
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        WEB_REFUSED.labels(REASONS.get(status, "input")).inc()


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A request that is answered with an error: `detail` is one sentence for the person who asked.

    `members` are added to the document; those of a bad input are `parameter`, `value` and `expected`.
    """

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **members: object
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def response(self) -> Response:
        """Return the response."""
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **self.members,
        }
        return Response(
            status=self.status,
            body=msgspec.json.encode({name: _sendable(value) for name, value in document.items()}),
            content_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def _sendable(value: object) -> object:
    # Bytes of an address or header that are not UTF-8 are lone surrogates, which JSON cannot represent.
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return [_sendable(one) for one in value] if isinstance(value, list) else value


def bad_input(parameter: str, value: object, expected: str) -> Problem:
    """Return the problem of an invalid parameter or field; the value None means that it is missing."""
    return Problem(
        HTTPStatus.BAD_REQUEST,
        f"{parameter} is {'missing' if value is None else repr(value)}; expected {expected}",
        parameter=parameter,
        value=value,
        expected=expected,
    )


def unavailable(detail: str, *, retry_after: int) -> Problem:
    """Return the problem of a component that is unavailable. `retry_after` is in seconds."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(retry_after)})


def too_many(detail: str, *, retry_after: int) -> Problem:
    """Return the problem of a client that exceeds a limit. `retry_after` is in seconds."""
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(retry_after)})


@middleware
async def problem_boundary(request: Request, handler: Handler) -> StreamResponse:
    """Answer every error of a request as a problem; unexpected ones are logged and not shown."""
    try:
        return await handler(request)
    except Problem as raised:
        problem = raised
    except HTTPException as error:
        problem = _from_aiohttp(request, error)
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed; the log says why")
    count_refusal(problem.status)
    return problem.response()


def _from_aiohttp(request: Request, error: HTTPException) -> Problem:
    if error.status == HTTPStatus.NOT_FOUND:
        return Problem(error.status, f"There is nothing at {request.path}; GET /api lists the addresses")
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = error.headers["Allow"]
        return Problem(error.status, f"{request.path} answers {allowed} only", headers={"Allow": allowed})
    return Problem(error.status, error.reason)
