"""Every example of the documentation for `mongosh` reads a range of an index."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from iss_agents.archive.mongo import Database, Document
from tests.archive.test_plans import HOURS, ITEM, database, explained, settings
from tests.factories import NOON

__all__ = ["database", "settings"]

ROOT = Path(__file__).parents[2]
DOCUMENTATION = sorted([*ROOT.glob("*.md"), *ROOT.glob("docker/*.md"), *ROOT.glob("iss_agents/**/*.md")])

EXAMPLE = re.compile(r"db\.(\w+)\.(?:find\(|aggregate\(\[\s*{\$match: )(?={)")
DATE, ID = re.compile(r"new Date\([^()]*(\(\))?[^()]*\)"), re.compile(r"HexData\(0, .*?\)\), id")
KEY = re.compile(r"(\$?\w+): ")
"""What of JavaScript is not JSON."""


def first_object(text: str) -> str:
    """Return the object with which a text begins."""
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if not depth:
            return text[: index + 1]
    raise ValueError(text)


def filter_of(text: str) -> Document:
    """Return the filter with which a text begins, with NOON as every time."""
    plain = KEY.sub(r'"\1": ', ID.sub('"an id"', DATE.sub('"a time"', first_object(text))))
    found: Document = json.loads(plain, object_hook=lambda part: {name: _timed(part[name]) for name in part})
    return found


def _timed(value: Any) -> Any:
    return NOON if value == "a time" else value


EXAMPLES = [
    (match[1], filter_of(text[match.end() :]))
    for text in (path.read_text() for path in DOCUMENTATION)
    for match in EXAMPLE.finditer(text)
]


def test_the_documentation_has_examples() -> None:
    assert len(EXAMPLES) >= 6
    assert ("readings", {"item_id": ITEM, "source_ts": {"$gte": NOON}}) in EXAMPLES


@pytest.mark.parametrize(("collection", "query"), EXAMPLES)
async def test_an_example_reads_a_range_of_an_index(
    database: Database, collection: str, query: Document
) -> None:
    plan, examined = await explained(database, {"find": collection, "filter": query})

    assert "COLLSCAN" not in plan
    assert examined <= HOURS
