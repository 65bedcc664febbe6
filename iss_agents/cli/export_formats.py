"""Export formats: CSV and NDJSON as the API writes them, and Parquet, converted at the end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from iss_agents.errors import UserError
from iss_agents.telemetry import export_rows
from iss_agents.telemetry.export_rows import COLUMNS, Table, fields_of

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 50_000
"""Readings per row group: a few MB, the size that Parquet readers prefer."""

Documents = Sequence[Mapping[str, Any]]


_Row = msgspec.defstruct("_Row", list(COLUMNS.items()))


class Form(NamedTuple):
    """How an export is written: `begin` and `lines` write the part, `finish` turns it into the file.

    A part grows by whole lines, so that it can be truncated and resumed anywhere. Parquet cannot, so it is
    converted from NDJSON at the end.
    """

    begin: bytes
    lines: Callable[[Documents], bytes]
    finish: Callable[[Path], Path]


def form_of(file: Path) -> Form:
    """Return the format for the suffix of the name.

    Raises:
        UserError: the suffix is unknown, or pyarrow is missing.
    """
    if file.suffix not in FORMS:
        raise UserError(f"The name {file.name!r} should end in {', '.join(FORMS)}.")
    if file.suffix == ".parquet":
        _require_pyarrow()
    return FORMS[file.suffix]


def csv_lines(documents: Documents) -> bytes:
    """Return the documents as lines of CSV."""
    return export_rows.csv_lines(_table(documents)).encode()


def json_lines(documents: Documents) -> bytes:
    """Return the documents as lines of JSON, each with all columns."""
    return export_rows.json_lines(_table(documents))


def parquet(part: Path) -> Path:
    """Convert `part` to Parquet; return the path, where an older file is replaced."""
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


def _table(documents: Documents) -> Table:
    return Table.of(len(documents), fields_of(documents))


def _as_it_is(part: Path) -> Path:
    return part


FORMS = {
    ".csv": Form(export_rows.csv_header().encode(), csv_lines, _as_it_is),
    ".ndjson": Form(b"", json_lines, _as_it_is),
    ".parquet": Form(b"", json_lines, parquet),
}
