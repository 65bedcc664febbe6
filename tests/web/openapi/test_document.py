"""The description of the API is valid, whole, and true of what is sent."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import ClientSession
from aiohttp.web import Application
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.web.conftest import Client
from tests.web.world import KNOWN, world
from web.openapi.document import describe
from web.routes import BLUEPRINTS

ADDRESS = "/api/v1/openapi.json"
DOCUMENT = describe(BLUEPRINTS)
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def served(application: Application | None) -> set[tuple[str, str]]:
    """Return (path, method) of every route of the API; HEAD goes without saying."""
    assert application is not None
    routes = [
        (route.resource.canonical, route.method) for route in application.router.routes() if route.resource
    ]
    return {
        (path, method.lower()) for path, method in routes if path.startswith("/api/v1") and method != "HEAD"
    }


def test_the_document_is_openapi() -> None:
    errors = jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)

    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


def test_every_schema_is_a_json_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert "__" not in name, "two replies have the same name"


def test_everything_has_a_description() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    parameters = [one for operation in operations for one in operation["parameters"]]
    schemas = DOCUMENT["components"]["schemas"].values()
    fields = [field for schema in schemas for field in schema.get("properties", {}).items()]

    assert [operation["operationId"] for operation in operations if not operation["summary"]] == []
    assert sorted({one["name"] for one in parameters if not one["description"]}) == []
    assert [name for name, schema in fields if "description" not in schema] == []
    assert {"type": "object"} not in [
        content["schema"]
        for operation in operations
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
    ], "a view declares no reply"


async def test_it_describes_every_route_of_the_api_and_nothing_else(client: Client) -> None:
    described = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}

    assert described == served(client.app)


def test_names_of_operations_are_unique() -> None:
    names = [
        operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()
    ]

    assert len(names) == len(set(names))


async def test_it_is_sent_as_it_is_made(client: Client) -> None:
    answer = await client.get(ADDRESS)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert await answer.json() == DOCUMENT


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_who_has_it_is_not_sent_it_again(client: Client, form: str) -> None:
    etag = (await client.get(ADDRESS)).headers["ETag"]
    answer = await client.get(ADDRESS, headers={"If-None-Match": form.format(etag)})

    assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, etag, b"")


async def test_who_has_another_one_is_sent_it(client: Client) -> None:
    assert (await client.get(ADDRESS, headers={"If-None-Match": '"other"'})).status == 200


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
async def test_an_unknown_parameter_is_an_error_everywhere(
    client: Client, path: str, method: str, operation: dict[str, Any]
) -> None:
    answer = await client.request(method, path.format(**KNOWN), params={"unheard_of": "1"})
    names = sorted(one["name"] for one in operation["parameters"] if one["in"] == "query")

    assert (answer.status, (await answer.json())["expected"]) == (
        400,
        f"one of the names {', '.join(names)}" if names else "no parameters at all",
    )


@pytest.fixture(scope="module")
def address(mongo_url: str) -> Iterator[str]:
    with world(mongo_url) as served_at:
        yield served_at


SPAN = "from=-2h&limit=3"
REQUESTS = [
    *(
        path.format(**KNOWN)
        for path in DOCUMENT["paths"]
        if path not in {"/api/v1/stream", "/api/v1/telemetry/summary"}
    ),
    *(f"/api/v1/{kind}?{SPAN}" for kind in ("telemetry", "gaps", "events", "posts")),
    "/api/v1/telemetry/summary?item=NODE3000005",
    "/api/v1/telemetry/summary?item=NODE3000004&points=2",
    "/api/v1/events?kind=unobserved",
    "/api/v1/events/b2",
    "/api/v1/events/none",
    "/api/v1/events/summary?by=hour",
    "/api/v1/items/NODE3000004",
    "/api/v1/items/NODE3000009",
    "/api/v1/items/NODE9",
    "/api/v1/items?unheard_of=1",
    "/api/v1/tables/tweet_cooldowns",
    "/api/v1/tables/tweet_cooldowns/simulated",
    "/api/v1/telemetry?limit=0",
]


@pytest.mark.parametrize("request_line", REQUESTS)
async def test_what_is_sent_is_described(address: str, request_line: str) -> None:
    ((method, operation),) = operation_of(request_line.partition("?")[0]).items()
    async with ClientSession() as session, session.request(method, address + request_line) as answer:
        content = content_of(operation["responses"][str(answer.status)])

        assert answer.content_type in content
        if answer.content_type.endswith("json"):
            # The components stand beside the schema here, for its references.
            schema = {**content[answer.content_type]["schema"], "components": DOCUMENT["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            validator.validate(await answer.json(content_type=None))


def operation_of(path: str) -> dict[str, Any]:
    """Return method -> operation of the path that is the nearest to an address: names before parameters."""
    patterns = sorted(DOCUMENT["paths"], key=lambda pattern: pattern.count("{"))
    fitting = [pattern for pattern in patterns if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path)]
    found: dict[str, Any] = DOCUMENT["paths"][fitting[0]]
    return found


def content_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return media type -> content of a response, which may be one of the components."""
    named = response.get("$ref", "").rpartition("/")[2]
    content: dict[str, Any] = (DOCUMENT["components"]["responses"][named] if named else response)["content"]
    return content
