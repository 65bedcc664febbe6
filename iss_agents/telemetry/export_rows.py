"""Rows of exported readings, as the API and the command line write them: columns, CSV, NDJSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

import msgspec

from iss_agents.telemetry.columns import Column, spread

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

LINE_END = "\r\n"

SPECIAL = frozenset(',"\r\n')
"""Characters for which CSV quotes a cell (RFC 4180)."""

QUOTE = "'"
"""Marks a cell as text for a spreadsheet."""

QUOTED = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") | {QUOTE}
"""First characters of cells that a spreadsheet evaluates (OWASP, CSV Injection), and the quote itself."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Table(NamedTuple):
    """Rows of a file, by columns: one for each of COLUMNS, in their order."""

    length: int
    columns: Sequence[Column]

    @classmethod
    def of(cls, length: int, fields: Mapping[str, Column]) -> "Table":
        """Return rows with the fields that are named as the columns; some may be left out."""
        return cls(length, [fields.get(name, (None,)) for name in COLUMNS])

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield each row: its cells in the order of COLUMNS."""
        return zip(*(spread(column, self.length) for column in self.columns), strict=True)


def fields_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Return the fields of documents that are named as the columns, None where one has been left out."""
    return {name: [document.get(name) for document in documents] for name in COLUMNS}


def csv_header() -> str:
    """Return the first line of a CSV file."""
    return csv_lines(Table(1, [[name] for name in COLUMNS]))


def csv_lines(table: Table) -> str:
    """Return rows as lines of CSV.

    A text that a spreadsheet would evaluate is prefixed with a quote, and so is one that begins with a quote:
    removing the first character of each cell that begins with a quote restores the texts.
    """
    cells = Table(table.length, [_cells(column) for column in table.columns])
    return "".join([",".join(row) + LINE_END for row in cells.rows()])


def json_lines(table: Table) -> bytes:
    """Return rows as lines of JSON, each with all columns and with unchanged texts."""
    documents = [dict(zip(COLUMNS, row, strict=True)) for row in table.rows()]
    return msgspec.json.Encoder().encode_lines(documents)


def _cells(column: Column) -> Sequence[str]:
    return column if _are_written_as_they_are(column) else [_cell(value) for value in column]


def _are_written_as_they_are(column: Column) -> TypeGuard[Sequence[str]]:
    # Of a column at once: that takes a tenth of the time.
    if set(map(type, column)) != {str}:
        return False
    text = "".join(column)
    return not any(each in text for each in SPECIAL) and QUOTED.isdisjoint([cell[:1] for cell in column])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = _as_text(value) if isinstance(value, str) else str(value)
    return text if SPECIAL.isdisjoint(text) else '"' + text.replace('"', '""') + '"'


def _as_text(value: str) -> str:
    if value[:1] not in QUOTED or NUMBER.fullmatch(value):
        return value
    return f"{QUOTE}{value}"
