"""Counts the requests that were refused for what their client did."""

from http import HTTPStatus

from iss_agents.metrics import WEB_REFUSED

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
"""Status -> what the request was refused for; every other 4xx is for its `input`."""


def count_refusal(status: HTTPStatus) -> None:
    """Count a request that is answered with `status`, if that refuses it."""
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        WEB_REFUSED.labels(REASONS.get(status, "input")).inc()
