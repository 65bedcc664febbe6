"""The description of the API as a page for people."""

from typing import Any, ClassVar
from xml.etree import ElementTree as ET

from aiohttp.web import Request
from faust.web import Blueprint, Response

from web import examples
from web.clients import client_of
from web.expectations import Schema
from web.kinds import field_kind, parameter_kind
from web.markup import Node, coded, element, page, prose, table
from web.openapi import SERVED, description
from web.parameters import NoParameters, read_query
from web.view import NO_STORE, PartsView

blueprint = Blueprint("reference")

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page needs nothing but its styles."""


@blueprint.route("/api", name="page")
class ReferenceView(PartsView):
    """Every operation of the API with its parameters, its answer and an example."""

    media: ClassVar[tuple[str, ...]] = ("text/html",)

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        document = description(request.app[SERVED]).document
        headers = {"Content-Security-Policy": POLICY, **NO_STORE}
        scheme = "https" if client_of(request).secure else "http"
        return self.html(page(reference(document, f"{scheme}://{request.host}")), headers=headers)


def reference(document: Schema, server: str) -> ET.Element:
    """Return the page of an OpenAPI document; its examples ask `server`."""
    about = document["info"]
    return element(
        "html",
        _head(about["title"]),
        element("body", _header(about), _navigation(document), _main(document, server)),
        lang="en",
    )


def _head(title: str) -> ET.Element:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title}: the API"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/style.css"),
        element("link", rel="stylesheet", href="/static/reference.css"),
    )


def _header(about: Schema) -> ET.Element:
    home = element("p", element("a", about["title"], href="/"), class_="home")
    machine = element(
        "p", "For programs: ", element("a", "openapi.json", href="/api/v1/openapi.json"), " (OpenAPI 3.1)"
    )
    return element("header", home, element("h1", "API"), *prose(about["description"]), machine)


def _navigation(document: Schema) -> ET.Element:
    links = [
        element("li", element("a", f"{method.upper()} {path}", href=f"#{operation['operationId']}"))
        for path, method, operation in _operations(document)
    ]
    return element("nav", element("ul", *links), aria_label="Operations")


def _main(document: Schema, server: str) -> ET.Element:
    subjects = [_subject(document, tag, server) for tag in document["tags"]]
    return element("main", *subjects, _documents(document["components"]["schemas"]))


def _subject(document: Schema, tag: Schema, server: str) -> ET.Element:
    articles = [
        _operation(document, path, method, operation, server)
        for path, method, operation in _operations(document)
        if tag["name"] in operation["tags"]
    ]
    title = element("h2", tag["name"].capitalize(), id=f"subject-{tag['name']}")
    return element("section", title, *prose(tag["description"]), *articles)


def _operation(document: Schema, path: str, method: str, operation: Schema, server: str) -> ET.Element:
    name = operation["operationId"]
    title = element(
        "h3",
        element("span", method.upper(), class_="method"),
        " ",
        element("a", element("code", path), href=f"#{name}"),
    )
    command = examples.command(server, path, method, operation, document["components"]["schemas"])
    return element(
        "article",
        title,
        *prose(operation["summary"]),
        *prose(operation.get("description", "")),
        *_parameters(operation),
        *_answers(operation),
        element("pre", element("code", command), tabindex="0"),
        *_trial(path, method, operation),
        id=name,
    )


def _parameters(operation: Schema) -> list[ET.Element]:
    rows = [
        [
            element("code", one["name"]),
            parameter_kind(one["schema"]),
            _default(one),
            element("span", *coded(one["description"])),
        ]
        for one in operation["parameters"]
    ]
    return [table(("Parameter", "Expected", "Default", "Meaning"), rows, "Parameters")] if rows else []


def _default(parameter: Schema) -> Node:
    if parameter["required"]:
        return "required"
    default = parameter["schema"].get("default")
    return "" if default in (None, []) else element("code", str(default))


def _answers(operation: Schema) -> list[ET.Element]:
    lines = [
        element("li", f"{status} {media}: ", *field_kind(content["schema"]))
        for status, answer in operation["responses"].items()
        for media, content in answer.get("content", {}).items()
    ]
    failures = ", ".join(status for status, answer in operation["responses"].items() if "$ref" in answer)
    problem = element("li", f"{failures} application/problem+json: ", *field_kind({"$ref": "/ProblemDocument"}))
    return [element("h4", "Answers"), element("ul", *lines, problem)]


def _trial(path: str, method: str, operation: Schema) -> list[ET.Element]:
    target = examples.address(path, operation)
    if method != "get" or target is None or "text/event-stream" in operation["responses"]["200"]["content"]:
        return []
    return [element("p", element("a", f"Try {target}", href=target))]


def _documents(schemas: dict[str, Schema]) -> ET.Element:
    title = element("h2", "Documents", id="documents")
    return element("section", title, *(_document(name, schema) for name, schema in schemas.items()))


def _document(name: str, schema: Schema) -> ET.Element:
    rows = [
        [
            element("code", field),
            element("span", *field_kind(described)),
            "always" if field in schema.get("required", ()) else "not always",
            element("span", *coded(described.get("description", ""))),
        ]
        for field, described in schema.get("properties", {}).items()
    ]
    title = element("h3", name)
    fields = table(("Field", "Type", "Sent", "Meaning"), rows, f"Fields of {name}")
    return element("article", title, *prose(schema.get("description", "")), fields, id=f"schema-{name}")


def _operations(document: Schema) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
