"""Base of all views: access to the worker's components, and JSON replies that are not cached."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from aiohttp.web import AppKey, Request
from faust.web import Response, View
from pydantic import BaseModel, WithJsonSchema

from web.base.context import WorkerContext
from web.base.parameters import NoParameters
from web.base.problems import Problem

CONTEXT = AppKey("parts", WorkerContext)
"""Where the web application keeps the parts of its worker."""

NO_STORE = {"Cache-Control": "no-store"}

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in a reply: RFC 3339 in UTC with milliseconds, as `rfc3339` writes it."""

Part = TypeVar("Part")


class WorkerView(View):
    """A view of the parts of this worker.

    What it takes and gives is declared, for the API's description. The first line of its docstring is the
    summary there, the rest the description.
    """

    query: ClassVar[type[BaseModel]] = NoParameters
    """The model that validates the query."""
    reply: ClassVar[Any] = None
    """The TypedDict of the JSON answer; None if the view gives no JSON.

    It needs no configuration of its own. The docstring under a field is its description, `Time` the type of
    a time, `NotRequired` what may be missing. Fields that are no Python names, such as `from`, come from a base
    in functional form, as in `spans.Bounds`. No other field may be sent. Two replies have different names.
    """
    media: ClassVar[tuple[str, ...]] = ("application/json",)
    """Every media type that the view answers with."""
    events: ClassVar[Mapping[str, Any]] = {}
    """Name of a server-sent event -> TypedDict of its data, of a view that answers with a stream."""
    body: ClassVar[type[BaseModel] | None] = None
    """The model that validates the JSON body, of a view that takes one; it needs the bearer token."""
    status: ClassVar[HTTPStatus] = HTTPStatus.OK
    """Status of the answer when all is well."""
    problems: ClassVar[frozenset[HTTPStatus]] = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})
    """Which problems it answers with, beside 400, 401, 429 and, if its path has parameters, 404."""
    conditional: ClassVar[bool] = False
    """Whether it answers 304 to a client that names the ETag of what it has."""

    def get_methods(self) -> set[str]:
        # Faust offers HEAD everywhere; without GET it could only fail.
        methods: set[str] = super().get_methods()
        return methods if "GET" in methods else methods - {"HEAD"}

    def answer(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """Return `document` as JSON."""
        body = msgspec.json.encode(document, enc_hook=_plain)
        return self.bytes(body, content_type="application/json", status=status, headers=dict(NO_STORE))


def _plain(value: object) -> int:
    # MongoDB's 64-bit integers come as a subclass of int.
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{type(value)} is no JSON")


def context_of(request: Request) -> WorkerContext:
    """Return the parts of the worker that serves `request`."""
    return request.app[CONTEXT]


def present(part: Part | None, role: str) -> Part:
    """Return `part`.

    Raises:
        Problem: 503, this worker has no such part because it does not run `role`.
    """
    if part is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"This worker does not run the role {role}; ask a worker with {role} in ISS_ROLES",
        )
    return part
