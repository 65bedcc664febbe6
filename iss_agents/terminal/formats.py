"""The forms of an export: CSV and NDJSON as the API writes them, and Parquet made of them at the end."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from iss_agents.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 50_000
"""Readings of a row group: some MB, the size that readers of Parquet like."""

Documents = Iterable[Mapping[str, Any]]


class _Row(msgspec.Struct):
    item_id: str
    source_ts: datetime
    value: str
    number: float | None
    state: str | None
    status_class: str | None
    suspect: str | None
    source: str
    snapshot: bool
    ingest_ts: datetime
    event_id: str


COLUMNS = _Row.__struct_fields__
"""Those of the API's own files."""


class Form(NamedTuple):
    """How an export is written. `begin` and `lines` make the part, `finish` the file of the part.

    A part grows by whole lines, so that it can be cut and continued anywhere; Parquet cannot, hence it is
    made of NDJSON when everything is there.
    """

    begin: bytes
    lines: Callable[[Documents], bytes]
    finish: Callable[[Path], Path]


def form_of(file: Path) -> Form:
    """Return the form that the ending of the name asks for.

    Raises:
        UserError: the ending is of none, or pyarrow is missing.
    """
    if file.suffix not in FORMS:
        raise UserError(f"The name {file.name!r} should end in {', '.join(FORMS)}.")
    if file.suffix == ".parquet":
        _require_pyarrow()
    return FORMS[file.suffix]


def csv_lines(documents: Documents) -> bytes:
    """Return the documents as lines of CSV."""
    return _csv([document.get(name) for name in COLUMNS] for document in documents)


def json_lines(documents: Documents) -> bytes:
    """Return the documents as lines of JSON, each with all columns."""
    rows = [{name: document.get(name) for name in COLUMNS} for document in documents]
    return msgspec.json.Encoder().encode_lines(rows)


def parquet(part: Path) -> Path:
    """Return the path of the Parquet file that is made of `part`, whatever stood there."""
    import pyarrow as pa  # noqa: PLC0415 - large, and optional
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415

    schema = _schema()
    made = part.with_name(f"{part.name}.parquet")
    try:
        with part.open("rb") as lines, ParquetWriter(made, schema, compression="zstd") as writer:
            for rows in _batches(lines):
                writer.write_table(pa.Table.from_pylist(rows, schema))
    except OSError:
        made.unlink(missing_ok=True)
        raise
    return made


def _batches(lines: Iterable[bytes]) -> Iterator[list[dict[str, Any]]]:
    decode = msgspec.json.Decoder(_Row).decode
    rows = (msgspec.structs.asdict(decode(line)) for line in lines)
    while batch := list(islice(rows, ROW_GROUP)):
        yield batch


def _schema() -> "pa.Schema":
    import pyarrow as pa  # noqa: PLC0415 - as above

    time = pa.timestamp("ms", tz="UTC")
    types = {"source_ts": time, "ingest_ts": time, "number": pa.float64(), "snapshot": pa.bool_()}
    return pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])


def _require_pyarrow() -> None:
    try:
        import pyarrow as pa  # noqa: F401, PLC0415 - as above
    except ImportError:
        raise UserError(
            "Parquet needs pyarrow: install it with `uv sync --group export`, or choose .csv or .ndjson."
        ) from None


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_spelt(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _spelt(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _as_it_is(part: Path) -> Path:
    return part


FORMS = {
    ".csv": Form(_csv([COLUMNS]), csv_lines, _as_it_is),
    ".ndjson": Form(b"", json_lines, _as_it_is),
    ".parquet": Form(b"", json_lines, parquet),
}
