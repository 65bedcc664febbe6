"""API page: the OpenAPI document for people."""

from collections.abc import Iterator
from typing import Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response

from web.base.expectations import Schema
from web.base.parameters import NoParameters, read_query
from web.base.templates import TEMPLATES
from web.base.view import NO_STORE, WorkerView
from web.edge.client_address import client_of
from web.openapi import examples
from web.openapi.document import SERVED, description
from web.openapi.kinds import coded, default_of, field_kind, paragraphs, parameter_kind

blueprint = Blueprint("reference")

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page needs nothing but its styles."""

TEMPLATES.filters.update(
    {each.__name__: each for each in (coded, default_of, field_kind, paragraphs, parameter_kind)}
)


@blueprint.route("/api", name="page")
class ReferenceView(WorkerView):
    """Every operation of the API with its parameters, its answer and an example."""

    media: ClassVar[tuple[str, ...]] = ("text/html",)

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        document = description(request.app[SERVED]).document
        headers = {"Content-Security-Policy": POLICY, **NO_STORE}
        scheme = "https" if client_of(request).secure else "http"
        return self.html(reference(document, f"{scheme}://{request.host}"), headers=headers)


def reference(document: Schema, server: str) -> str:
    """Return the page of an OpenAPI document; its examples ask `server`."""
    return TEMPLATES.get_template("reference.html").render(
        root="./",
        info=document["info"],
        tags=document["tags"],
        operations=list(_operations(document, server)),
        schemas=document["components"]["schemas"],
    )


def _operations(document: Schema, server: str) -> Iterator[Schema]:
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "description": "",
                **operation,
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "answers": list(_answers(operation)),
                "failures": [status for status, reply in operation["responses"].items() if "$ref" in reply],
                "command": examples.command(server, path, method, operation, schemas),
                "trial": _trial(path, method, operation),
            }


def _answers(operation: Schema) -> Iterator[tuple[str, str, Any]]:
    for status, answer in operation["responses"].items():
        for media, content in answer.get("content", {}).items():
            yield status, media, content["schema"]


def _trial(path: str, method: str, operation: Schema) -> str | None:
    if method != "get" or "text/event-stream" in operation["responses"]["200"]["content"]:
        return None
    return examples.address(path, operation)
