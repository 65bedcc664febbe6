"""Examples: a working request of each operation, to copy or follow."""

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

from web.base.expectations import Schema


def address(path: str, operation: Schema) -> str | None:
    """Return the address of an example, or None if it needs what only its reader knows."""
    needed = [one for one in operation["parameters"] if one["required"]]
    values = {(one["in"], one["name"]): example(one["schema"]) for one in needed}
    if None in values.values():
        return None
    query = urlencode({name: value for (where, name), value in values.items() if where == "query"})
    filled = path.format(
        **{name: quote(str(value)) for (where, name), value in values.items() if where == "path"}
    )
    return f"{filled}?{query}" if query else filled


def command(server: str, path: str, method: str, operation: Schema, schemas: dict[str, Schema]) -> str:
    """Return the command that asks `server`; what only the reader knows stands in it in capitals."""
    names = {one["name"]: one["name"].upper() for one in operation["parameters"] if one["in"] == "path"}
    url = shlex.quote(server + (address(path, operation) or path.format(**names)))
    if method == "get":
        flag = "-N" if "text/event-stream" in operation["responses"]["200"]["content"] else "-s"
        return f"curl {flag} {url}"
    body = json.dumps(_body(operation, schemas))
    headers = "-H \"Authorization: Bearer $ISS_INGEST_TOKEN\" -H 'Content-Type: application/json'"
    return f"curl -s -X POST {url} \\\n  {headers} \\\n  -d {shlex.quote(body)}"


def example(schema: Schema) -> Any:
    """Return a value that fits `schema`, or None if only the reader knows one."""
    if schema.get("type") == "array":
        return example(schema["items"])
    return next(iter(schema.get("examples") or schema.get("enum") or []), None)


def _body(operation: Schema, schemas: dict[str, Schema]) -> dict[str, Any]:
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = schemas[reference.rpartition("/")[2]]
    return {name: example(schema["properties"][name]) for name in schema["required"]}
