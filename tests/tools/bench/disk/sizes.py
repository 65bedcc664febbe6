"""How much a recorded reading takes on disk: as a document, in the indexes, and in a packed hour."""

from itertools import groupby, islice
from pathlib import Path
from random import Random

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.codec import pack
from iss_agents.archive.rollups.hours import hour_of
from iss_agents.simulator.playback import rows
from iss_agents.telemetry.records import encode, new_reading
from iss_agents.telemetry.station_clock import from_milliseconds
from iss_agents.telemetry.topics import RAW
from tests.tools.bench.disk.readings import START
from tests.tools.bench.disk.server import composed
from tests.tools.bench.disk.storage import Collection, indexes_of
from tests.web.archived import ArchivedMessage

CACHE = 256
"""MB."""

BATCH = 1000


def sizes(folder: Path) -> dict[str, float]:
    """Return the bytes of a reading in each form, stored in a new folder."""
    documents = recorded()
    with Collection(folder, composed(), indexes_of(READINGS.collection), CACHE, "zlib") as stored:
        numbered = iter(enumerate(documents, start=1))
        while batch := dict(islice(numbered, BATCH)):
            stored.insert(batch)
        stored.checkpoint()
        whole, (of_documents, *of_indexes) = len(documents), [table.size() for table in stored.tables()]
    hours = groupby(sorted(documents, key=hour_of), hour_of)
    packed = sum(len(pack(hour.series, each)) for hour, each in hours)
    return {"document": of_documents / whole, "indexes": sum(of_indexes) / whole, "packed": packed / whole}


def recorded() -> list[Document]:
    """Return the readings of the recording, as the archive stores them."""
    return [
        reading(START + int(row.offset.total_seconds() * 1000), row.item_id, row.value, offset)
        for offset, row in enumerate(rows())
    ]


def reading(time: int, item_id: str, value: str, offset: int) -> Document:
    """Return a reading measured at a time, milliseconds since 1970; it comes in 0.5 to 1 s late, as they do."""
    late = 400 + round(Random(time).lognormvariate(5, 0.6))
    measured, received = from_milliseconds(time), from_milliseconds(time + late)
    made = new_reading(item_id, measured, value, ingest_ts=received, source="isslive", status_class="24")
    return reading_document(ArchivedMessage(RAW.name, 0, offset, 0, encode(made)))
