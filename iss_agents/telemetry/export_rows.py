"""Rows of exported readings, as the API and the command line write them: columns, CSV, NDJSON."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

COLUMNS: dict[str, object] = {
    "item_id": str,
    "source_ts": datetime,
    "value": str,
    "number": float | None,
    "state": str | None,
    "status_class": str | None,
    "suspect": str | None,
    "source": str,
    "snapshot": bool,
    "ingest_ts": datetime,
    "event_id": str,
    "name": str | None,
    "discipline": str | None,
    "unit": str | None,
}
"""Name -> what a cell holds, in the order of the file. A row has one cell for each."""

Rows = Iterable[Sequence[object]]

QUOTE = "'"
"""Marks a cell as text for a spreadsheet."""

QUOTED = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") | {QUOTE}
"""First characters of cells that a spreadsheet evaluates (OWASP, CSV Injection), and the quote itself."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def csv_header() -> str:
    """Return the first line of a CSV file."""
    return _csv([list(COLUMNS)])


def csv_lines(rows: Rows) -> str:
    """Return rows as lines of CSV.

    A text that a spreadsheet would evaluate is prefixed with a quote, and so is one that begins with a quote:
    removing the first character of each cell that begins with a quote restores the texts.
    """
    return _csv([_cell(value) for value in row] for row in rows)


def json_lines(rows: Rows) -> bytes:
    """Return rows as lines of JSON, each with all columns and with unchanged texts."""
    documents = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return msgspec.json.Encoder().encode_lines(documents)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or value[:1] not in QUOTED:
        return value
    return value if NUMBER.fullmatch(value) else f"{QUOTE}{value}"


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
