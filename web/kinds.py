"""JSON schemas in words and links, for the page about the API."""

from web.examples import example
from web.expectations import Schema, expectation
from web.markup import Node, element

NOUNS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def parameter_kind(schema: Schema) -> str:
    """Return what the value of a parameter should be."""
    if schema.get("type") == "array":
        return f"{parameter_kind(schema['items'])}, may be repeated"
    if {"format": "date-time"} in schema.get("anyOf", ()):
        return "a time, or one before now such as -2h"
    return f"a text such as {example(schema)}" if "examples" in schema else expectation(schema)


def field_kind(schema: Schema) -> list[Node]:
    """Return what a field of a document is, with links to the documents that it is made of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [element("a", name, href=f"#schema-{name}")]
    if "x-events" in schema:
        events = [
            [element("code", name), " with ", *field_kind(data)] for name, data in schema["x-events"].items()
        ]
        return ["events: ", *_joined(events, ", ")]
    if "anyOf" in schema:
        return _joined([field_kind(one) for one in schema["anyOf"]], " or ")
    return _several(schema) or [_noun(schema)]


def _several(schema: Schema) -> list[Node]:
    if schema.get("type") == "array":
        return ["list of ", *field_kind(schema.get("items", {}))]
    if isinstance(schema.get("additionalProperties"), dict):
        return ["each name with ", *field_kind(schema["additionalProperties"])]
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return _joined([[element("code", str(value))] for value in values], " or ")


def _noun(schema: Schema) -> str:
    return "time" if schema.get("format") == "date-time" else NOUNS.get(schema.get("type", ""), "JSON")


def _joined(parts: list[list[Node]], word: str) -> list[Node]:
    return [node for number, part in enumerate(parts) for node in ([word, *part] if number else part)]
