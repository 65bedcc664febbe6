"""Tables of exported readings: of documents, and of packed hours without a document for each reading."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.reader import PackedReadings
from iss_agents.archive.packed.unpacked import UnpackedHour
from iss_agents.archive.reading_id import event_id_of
from iss_agents.telemetry.export_rows import Table, fields_of
from iss_agents.telemetry.station_clock import rfc3339, rfc3339_of

TIMES = ("source_ts", "ingest_ts")


def tables(readings: Sequence[Document]) -> Iterator[Table]:
    """Yield the readings of a window as rows of a file."""
    if isinstance(readings, PackedReadings):
        yield from (of_packed(hour, rows) for hour, rows in readings.parts)
    else:
        yield of_documents(readings)


def of_documents(documents: Sequence[Document]) -> Table:
    """Return documents of the collection `readings` as rows."""
    fields = fields_of(documents)
    fields |= {name: [_text(time) for time in fields[name]] for name in TIMES}
    fields["event_id"] = list(map(event_id_of, documents))
    return Table.of(len(documents), fields)


def of_packed(hour: UnpackedHour, rows: range) -> Table:
    """Return readings that the columns of an hour tell alone as rows."""
    fields = hour.fields(rows)
    fields |= {name: [None if time is None else rfc3339_of(time) for time in fields[name]] for name in TIMES}
    return Table.of(len(rows), fields)


def _text(time: Any) -> Any:
    # A document edited by hand may have another.
    return rfc3339(time) if isinstance(time, datetime) else time
