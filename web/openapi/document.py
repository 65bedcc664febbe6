"""OpenAPI 3.1 document of the API, generated from the served views and their models."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, ClassVar, NamedTuple, cast

import msgspec
from aiohttp.web import AppKey, Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from web.base.expectations import Schema
from web.base.parameters import NoParameters, read_query
from web.base.view import WorkerView
from web.openapi.operations import (
    ALWAYS,
    INGEST_TOKEN,
    READ_PASSWORD,
    READ_TOKEN,
    failure,
    method,
    operation,
    response_name,
)
from web.openapi.schemas import ProblemDocument, schemas

blueprint = Blueprint("openapi")

PREFIX = "/api/v1/"
SERVED = AppKey("served", tuple[Blueprint, ...])
"""Where the web application keeps the blueprints that it serves."""

ABOUT = """\
Telemetry of the International Space Station: what is measured now, what was measured, and what follows from it.

Times are RFC 3339; in a query also relative to now, such as `-2h`. A parameter that is unknown or wrong is an
error that names it, its value and what was expected.

Reading needs a token only from a worker that is open to others and not to everyone. Who asks too often is
answered with 429 and told when to ask again."""

SECURITY_SCHEMES = {
    READ_TOKEN: {"type": "http", "scheme": "bearer", "description": "The token of ISS_READ_TOKEN."},
    READ_PASSWORD: {
        "type": "http",
        "scheme": "basic",
        "description": "The same token as the password of any user, for browsers.",
    },
    INGEST_TOKEN: {"type": "http", "scheme": "bearer", "description": "The token of ISS_INGEST_TOKEN."},
}


class Served(NamedTuple):
    """A view at its path. `subject` is its blueprint's name, `name` its own."""

    subject: str
    name: str
    path: str
    view: type[WorkerView]


class Description(NamedTuple):
    """The document as it is sent, and what changes when it changes."""

    document: Schema
    body: bytes
    etag: str


class OpenApiDocument(TypedDict):
    """An API in the words of OpenAPI."""

    openapi: str
    """The version of OpenAPI."""
    info: dict[str, Any]
    """What the API is, its version and its licence."""
    servers: list[dict[str, Any]]
    """Where it is."""
    tags: list[dict[str, Any]]
    """The subjects of the operations."""
    paths: dict[str, Any]
    """Every operation."""
    security: list[dict[str, Any]]
    """What a reader brings: nothing, or one of these."""
    components: dict[str, Any]
    """The schemas that they use."""


@blueprint.route("/api/v1/openapi.json", name="document")
class OpenApiView(WorkerView):
    """This description of the API, as OpenAPI 3.1."""

    reply: ClassVar[Any] = OpenApiDocument
    problems: ClassVar[frozenset[HTTPStatus]] = frozenset()
    conditional: ClassVar[bool] = True

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        made = description(request.app[SERVED])
        headers = {"ETag": f'"{made.etag}"', "Cache-Control": "no-cache"}
        if any(tag.value in {made.etag, "*"} for tag in request.if_none_match or ()):
            return self.bytes(b"", status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return self.bytes(made.body, content_type="application/json", headers=headers)


@cache
def description(blueprints: tuple[Blueprint, ...]) -> Description:
    """Return the description of the views of `blueprints`, made at the first call."""
    document = describe(blueprints)
    body = msgspec.json.encode(document)
    return Description(document, body, hashlib.sha256(body).hexdigest()[:16])


def describe(blueprints: Sequence[Blueprint]) -> Schema:
    """Return the OpenAPI document of the views of `blueprints` below /api/v1."""
    views = list(_served(blueprints))
    paths = {one.path: {method(one.view): operation(*one)} for one in views}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ISS telemetry",
            "version": version("iss-agents"),
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../.."}],
        # The empty one: without any, where everyone may read.
        "security": [{}, {READ_TOKEN: []}, {READ_PASSWORD: []}],
        "tags": _tags(views),
        "paths": paths,
        "components": _components(views),
    }


def _served(blueprints: Sequence[Blueprint]) -> Iterator[Served]:
    for served in blueprints:
        for route in served.routes:
            if route.uri.startswith(PREFIX):
                yield Served(served.name, route.name, route.uri, cast(type[WorkerView], route.handler))


def _tags(views: Sequence[Served]) -> list[Schema]:
    modules = {one.subject: sys.modules[one.view.__module__] for one in reversed(views)}
    subjects = dict.fromkeys(one.subject for one in views)
    return [{"name": name, "description": _first_line(modules[name].__doc__)} for name in subjects]


def _components(views: Sequence[Served]) -> dict[str, Any]:
    replies = {one.view.reply for one in views if one.view.reply}
    events = {data for one in views for data in one.view.events.values()}
    bodies = {one.view.body for one in views if one.view.body}
    problems = {*ALWAYS, HTTPStatus.NOT_FOUND}.union(*(one.view.problems for one in views))
    return {
        "schemas": schemas(replies | events | {ProblemDocument}, bodies),
        "responses": {response_name(status): failure(status) for status in sorted(problems)},
        "securitySchemes": SECURITY_SCHEMES,
    }


def _first_line(docstring: str | None) -> str:
    return (docstring or "").partition("\n")[0]
