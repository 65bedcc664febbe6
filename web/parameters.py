"""Query parameters and bodies, validated: an unknown one is an error, so that no misspelt one is overlooked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar, get_origin

from aiohttp.web import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from iss_agents import catalog
from iss_agents.errors import UserError
from iss_agents.instants import instant
from web.problems import Problem, bad_input

EXPECTED_TIME = (
    "a time with its zone such as 2026-08-11T10:27:48Z (write + as %2B), or one before now such as -90s or -2h"
)
EXPECTED_ITEM = "an item of the catalogue; GET /api/v1/items lists them"

SHOWN_CHARACTERS = 200
"""How much of a wrong value a problem repeats."""

Model = TypeVar("Model", bound=BaseModel)


class NoParameters(BaseModel):
    """A view that takes no parameters."""

    model_config = ConfigDict(extra="forbid")


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
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "body"
    if first["type"] == "missing":
        return bad_input(name, None, "a value; it is required")
    if first["type"] == "extra_forbidden":
        return bad_input(name, _shown(first["input"]), _known(model))
    return bad_input(name, _shown(first["input"]), first["msg"])


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
    if item_id not in catalog.items():
        raise PydanticCustomError("item", EXPECTED_ITEM)
    return item_id


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A time in a query: RFC 3339 with its zone, or relative to now as in `-2h`."""

ItemId = Annotated[str, AfterValidator(_in_catalogue)]
"""The id of an item that the catalogue knows."""
