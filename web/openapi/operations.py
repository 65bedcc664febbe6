"""OpenAPI operations: one for each method and path of a view."""

import inspect
import re
from http import HTTPStatus
from typing import Any

from iss_agents.state_view.replica import CHANGELOGS
from web.base.expectations import Schema
from web.base.parameters import ITEM_PATTERN
from web.base.problems import CONTENT_TYPE
from web.base.view import WorkerView
from web.openapi.schemas import ProblemDocument, parameters, reference

PATH_PARAMETERS: dict[str, Schema] = {
    "item_id": {
        "description": "The id of an item of the catalogue.",
        "schema": {"type": "string", "pattern": ITEM_PATTERN, "examples": ["NODE3000005"]},
    },
    "name": {
        "description": "The name of a Table.",
        "schema": {"type": "string", "enum": sorted(CHANGELOGS)},
    },
    "key": {
        "description": "A key of the Table: an item's id, or what else the Table maps.",
        "schema": {"type": "string", "minLength": 1, "examples": ["NODE3000005"]},
    },
    "event_id": {
        "description": "The id of an event, as `/api/v1/events` lists it.",
        "schema": {"type": "string", "minLength": 1},
    },
}
"""What a parameter in a path may be."""

INGEST_TOKEN, READ_TOKEN, READ_PASSWORD = "ingest_token", "read_token", "read_password"
"""Names of the security schemes: the first is for views that take a body, the others for all that read."""

ALWAYS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
"""The problems that every view answers with."""

Operation = dict[str, Any]


def operation(subject: str, name: str, path: str, view: type[WorkerView]) -> Operation:
    """Return the description of the one method, GET or POST, of `view` at `path`."""
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    names = path_names(path)
    return {
        "operationId": f"{subject}_{name}",
        "tags": [subject],
        "summary": " ".join(summary.split()),
        **({"description": rest} if rest else {}),
        "parameters": [_path_parameter(one) for one in names] + parameters(view.query),
        **(_request(view) if view.body else {}),
        "responses": {str(view.status.value): _success(view)} | _unchanged(view) | _failures(view, names),
    }


def method(view: type[WorkerView]) -> str:
    """Return the method that `view` answers, as OpenAPI spells it."""
    return "post" if view.body else "get"


def path_names(path: str) -> list[str]:
    """Return the names of the parameters in a path, in their order."""
    return re.findall(r"{(\w+)}", path)


def failure(status: HTTPStatus) -> Schema:
    """Return the description of a problem."""
    content = {CONTENT_TYPE: {"schema": reference(ProblemDocument)}}
    return {"description": status.description or status.phrase, "content": content}


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]}


def _request(view: type[WorkerView]) -> Operation:
    assert view.body  # noqa: S101 - asked by the caller
    content = {"application/json": {"schema": reference(view.body)}}
    return {"requestBody": {"required": True, "content": content}, "security": [{INGEST_TOKEN: []}]}


def _success(view: type[WorkerView]) -> Schema:
    return {
        "description": view.status.phrase,
        "content": {media: {"schema": _content(view, media)} for media in view.media},
    }


def _unchanged(view: type[WorkerView]) -> Schema:
    known = {"304": {"description": "The document with the ETag of If-None-Match is still the newest"}}
    return known if view.conditional else {}


def _content(view: type[WorkerView], media: str) -> Schema:
    if media == "application/json":
        return reference(view.reply) if view.reply else {"type": "object"}
    if view.events:
        return {"type": "string", "description": _events(view), "x-events": _event_schemas(view)}
    return {"type": "string"}


def _events(view: type[WorkerView]) -> str:
    lines = [f"- `{name}`: {_first_line(data)}" for name, data in view.events.items()]
    return "Server-sent events, each with JSON as its data:\n" + "\n".join(lines)


def _event_schemas(view: type[WorkerView]) -> Schema:
    return {name: reference(data) for name, data in view.events.items()}


def _first_line(documented: type) -> str:
    return inspect.cleandoc(documented.__doc__ or "").partition("\n")[0]


def _failures(view: type[WorkerView], names: list[str]) -> Schema:
    always = ALWAYS | ({HTTPStatus.NOT_FOUND} if names else set())
    return {
        str(status.value): {"$ref": f"#/components/responses/{response_name(status)}"}
        for status in sorted(view.problems | always)
    }


def response_name(status: HTTPStatus) -> str:
    """Return the name under which the description keeps the problem of a status."""
    return status.phrase.replace(" ", "").replace("-", "")
