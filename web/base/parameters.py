"""Validation of query parameters and bodies: unknown names are errors, so that typos are noticed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp.web import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from iss_agents.errors import UserError
from iss_agents.telemetry import catalog
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.time_expressions import EPOCH_TIME, RELATIVE, instant
from web.base.expectations import ABSOLUTE_TIME, expectation
from web.base.problems import Problem, bad_input

EXPECTED_TIME = (
    f"{ABSOLUTE_TIME} (write + as %2B), a date, milliseconds since 1970, or one before now such as -90s or -2h"
)
EXPECTED_ITEM = "an item of the catalogue; GET /api/v1/items lists them"

EXPECTED_ZONE = "the name of a time zone such as Europe/Rome or UTC"

ITEM_PATTERN = r"^([A-Z]{1,8}_?[0-9]{3,7}|public_pui)$"
"""Format of the catalogue's ids; the last is the only exception."""

PYDANTIC_TYPES = frozenset(get_args(ErrorType)) - {"value_error"}
"""Errors with pydantic's texts; all others are our own and say what was expected."""

SHOWN_CHARACTERS = 200
"""How much of an invalid value a problem repeats."""

Model = TypeVar("Model", bound=BaseModel)


class Query(BaseModel):
    """The parameters of a view. The docstring under a field describes it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class SourceQuery(Query):
    """Whose readings are wanted."""

    source: Source | None = None
    """isslive, simulated or test: whose readings, and what follows from them; the feed's if left out."""


class NoParameters(Query):
    """A view that takes no parameters."""


def read_query(model: type[Model], request: Request) -> Model:
    """Return the query parameters of `request` as `model`; relative times count from now.

    Raises:
        Problem: 400, names the parameter, its value and what was expected.
    """
    values = {name: _given(model, name, request) for name in request.query}
    now = datetime.now(UTC)
    return validated(model, lambda: model.model_validate(values, context={"now": now}))


def validated(model: type[Model], validate: Callable[[], Model]) -> Model:
    """Return what `validate` makes.

    Raises:
        Problem: 400, names the first parameter or field that is wrong, its value and what was expected.
    """
    try:
        return validate()
    except ValidationError as error:
        raise _first_problem(model, error) from error


def _given(model: type[BaseModel], name: str, request: Request) -> str | list[str]:
    values = request.query.getall(name)
    field = model.model_fields.get(name)
    if field is not None and get_origin(field.annotation) is list:
        return values
    if len(values) > 1:
        raise bad_input(name, values, "one value")
    return values[0]


def _first_problem(model: type[BaseModel], error: ValidationError) -> Problem:
    # A misspelt name is more helpful than the report that the right one is missing.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    name = str(first["loc"][0]) if first["loc"] else "body"
    given = None if first["type"] == "missing" else _shown(first["input"])
    return bad_input(name, given, _expected(model, first))


def _expected(model: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "a value"
    if error["type"] == "extra_forbidden":
        return _known(model)
    if error["type"] == "too_long" and isinstance(error["input"], list):
        return f"at most {error['ctx']['max_length']} values"
    if error["type"] not in PYDANTIC_TYPES:
        return error["msg"]
    return expectation(_schema(model, error["loc"]))


def _schema(model: type[BaseModel], place: tuple[int | str, ...]) -> dict[str, Any]:
    described = model.model_json_schema()
    schema: dict[str, Any] = described["properties"][place[0]] if place else described
    return schema


def _known(model: type[BaseModel]) -> str:
    names = sorted(field.alias or name for name, field in model.model_fields.items())
    return f"one of the names {', '.join(names)}" if names else "no parameters at all"


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return value[:SHOWN_CHARACTERS] + "…"
    return value if isinstance(value, str | int | float | None) else _shown(repr(value))


def _instant(value: object, info: ValidationInfo) -> datetime:
    now = (info.context or {})["now"]
    try:
        return instant(str(value), now)
    except UserError as error:
        raise PydanticCustomError("time", EXPECTED_TIME) from error


def _in_catalogue(item_id: str) -> str:
    item = catalog.find(item_id)
    if item is None:
        raise PydanticCustomError("item", EXPECTED_ITEM)
    return item.item_id


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"format": "date-time"},
                {"format": "date"},
                {"pattern": f"^({EPOCH_TIME.pattern})$"},
                {"pattern": f"^({RELATIVE.pattern})$"},
            ],
            "examples": ["-2h", "2026-08-11T10:27:48Z"],
        }
    ),
]
"""A time in a query: RFC 3339 with its zone, a date, a number since 1970, or relative to now as in `-2h`."""


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("zone", EXPECTED_ZONE) from None


TimeZone = Annotated[
    ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Rome", "UTC"]})
]
"""The name of a time zone of the IANA database."""

ItemId = Annotated[
    str,
    AfterValidator(_in_catalogue),
    Field(json_schema_extra={"pattern": ITEM_PATTERN, "examples": ["NODE3000005"]}),
]
"""The id of an item that the catalogue knows."""
