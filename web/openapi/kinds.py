"""Schema labels: JSON schemas in words and links, for the API page."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from web.base.expectations import Schema, expectation
from web.openapi.examples import example

NOUNS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}
CODE = Markup("<code>{}</code>")
LINK = Markup('<a href="#schema-{0}">{0}</a>')


def parameter_kind(schema: Schema) -> str:
    """Return what the value of a parameter should be."""
    if schema.get("type") == "array":
        return f"{parameter_kind(schema['items'])}, may be repeated"
    if {"format": "date-time"} in schema.get("anyOf", ()):
        return "a time, or one before now such as -2h"
    return f"a text such as {example(schema)}" if "examples" in schema else expectation(schema)


def default_of(parameter: Schema) -> str:
    """Return what a parameter is if it is left out."""
    if parameter["required"]:
        return "required"
    default = parameter["schema"].get("default")
    return "" if default in (None, []) else CODE.format(default)


def field_kind(schema: Schema) -> Markup:
    """Return what a field of a document is, with links to the documents that it is made of."""
    if "$ref" in schema:
        return LINK.format(schema["$ref"].rpartition("/")[2])
    if "x-events" in schema:
        events = (CODE.format(name) + " with " + field_kind(data) for name, data in schema["x-events"].items())
        return "events: " + Markup(", ").join(events)
    if "anyOf" in schema:
        return _one_of(map(field_kind, schema["anyOf"]))
    return _several(schema) or escape(_noun(schema))


def coded(text: str) -> Markup:
    """Return `text` with what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(CODE.format(part) if odd % 2 else part for odd, part in parts)


def paragraphs(text: str) -> list[Markup]:
    """Return the paragraphs of a docstring."""
    return [coded(" ".join(part.split())) for part in text.split("\n\n") if part.strip()]


def _several(schema: Schema) -> Markup:
    if schema.get("type") == "array":
        return "list of " + field_kind(schema.get("items", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        return "each name with " + field_kind(schema["additionalProperties"])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return _one_of(CODE.format(value) for value in values)


def _one_of(kinds: Iterable[Markup]) -> Markup:
    return Markup(" or ").join(kinds)


def _noun(schema: Schema) -> str:
    return "time" if schema.get("format") == "date-time" else NOUNS.get(schema.get("type", ""), "JSON")
