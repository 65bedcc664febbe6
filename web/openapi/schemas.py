"""JSON schemas of requests and replies, generated from pydantic models and TypedDicts."""

from collections.abc import Iterable, Iterator
from typing import Any, NotRequired

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict, get_original_bases, is_typeddict

from web.base.expectations import Schema

REFERENCE = "#/components/schemas/{model}"

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)
"""TypedDicts without a configuration of their own take over that of the model they are a field of."""


class ProblemDocument(TypedDict):
    """A request that cannot be answered, as RFC 9457 has it."""

    type: str
    """Always about:blank: the status says what kind it is."""
    title: str
    """The name of the status."""
    status: int
    """The status of the answer."""
    detail: str
    """What is wrong, in one sentence."""
    parameter: NotRequired[str]
    """The parameter or field that is wrong; `body` for the body as a whole."""
    value: NotRequired[Any]
    """What was given for it, long texts cut; null if nothing."""
    expected: NotRequired[str]
    """What it should be."""
    limit: NotRequired[int]
    """The largest body in bytes, where one was too large."""


def reference(document: type) -> Schema:
    """Return the schema that refers to that of a model or TypedDict."""
    return {"$ref": REFERENCE.format(model=document.__name__)}


def schemas(replies: Iterable[type], bodies: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """Return name -> schema of every reply and body, and of all that they are made of."""
    sent = set(replies)
    given = _definitions(sent, "serialization")
    _describe_inherited(sent, given)
    taken = _definitions(bodies, "validation")
    return {name: untitled(schema) for name, schema in sorted({**given, **taken}.items())}


def parameters(model: type[BaseModel]) -> list[Schema]:
    """Return the query parameters that `model` reads, as OpenAPI describes them."""
    described = model.model_json_schema(ref_template=REFERENCE)
    required = described.get("required", ())
    return [
        _parameter(name, schema, required=name in required)
        for name, schema in untitled(described)["properties"].items()
    ]


def untitled(schema: Any) -> Any:
    """Return `schema` without the titles that pydantic makes of field names: they say nothing."""
    if isinstance(schema, list):
        return [untitled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: untitled(one) for name, one in schema.items() if name != "title" or not isinstance(one, str)}


def _parameter(name: str, schema: Schema, *, required: bool) -> Schema:
    # A parameter is given or left out, never null.
    kinds = [kind for kind in schema.pop("anyOf", []) if kind.get("type") != "null"]
    schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    if schema.get("default", ...) is None:
        del schema["default"]
    description = schema.pop("description", "")
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def _definitions(types: Iterable[type], mode: JsonSchemaMode) -> dict[str, Schema]:
    fields: dict[str, Any] = {type_.__name__: (type_, ...) for type_ in types}
    model = create_model("Everything", __config__=STRICT, **fields)
    definitions: dict[str, Schema] = model.model_json_schema(ref_template=REFERENCE, mode=mode).get("$defs", {})
    return definitions


def _describe_inherited(types: Iterable[type], definitions: dict[str, Schema]) -> None:
    # pydantic reads the docstrings under the fields of a class, not of its bases.
    related = {*types, *(base for type_ in types for base in _bases(type_))}
    bases = {type_: tuple(_bases(type_)) for type_ in related if type_.__name__ in definitions}
    described = _definitions(set().union(*bases.values()), "serialization")
    for type_, above in bases.items():
        for base in above:
            for name, field in described[base.__name__]["properties"].items():
                if "description" in field:
                    own = definitions[type_.__name__]["properties"][name]
                    own.setdefault("description", field["description"])


def _bases(type_: type) -> Iterator[type]:
    for base in get_original_bases(type_):
        if is_typeddict(base):
            yield base
            yield from _bases(base)
