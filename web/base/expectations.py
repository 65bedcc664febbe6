"""Constraint text: what a value should be, in words, from its JSON schema."""

from typing import Any

Schema = dict[str, Any]

ABSOLUTE_TIME = "a time from 1970 to 2099 with its zone such as 2026-08-11T10:27:48Z"
"""RFC 3339, in words."""


def expectation(schema: Schema) -> str:
    """Return what a value must be to fit `schema`: "a whole number from 1 to 10000"."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        return expectation(next(one for one in schema["anyOf"] if one.get("type") != "null"))
    if schema.get("type") == "array":
        return expectation(schema["items"])
    return _of_type(schema.get("type"), schema)


def _of_type(name: str | None, schema: Schema) -> str:
    if name == "string":
        return ABSOLUTE_TIME if schema.get("format") == "date-time" else _text(schema)
    nouns = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    return nouns.get(name or "", "a JSON object") + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    return (f" from {low}" if low is not None else "") + (f" to {high}" if high is not None else "")


def _text(schema: Schema) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if high is None:
        return f"a text of at least {low} characters" if low else "a text"
    return f"a text of {low} to {high} characters" if low else f"a text of at most {high} characters"
