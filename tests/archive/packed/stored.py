"""Readings as the archive stores them: documents of the collection `readings`."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import reading_id
from iss_agents.simulator.playback import rows
from iss_agents.telemetry.codec import Headers
from iss_agents.telemetry.records import Reading, encode
from iss_agents.telemetry.topics import RAW
from tests.factories import reading_of

SESSION = 1_795_470_000_000


@dataclass
class ReadingMessage:
    """The message of a reading in Kafka."""

    value: bytes | None
    offset: int
    topic: str = RAW.name
    partition: int = 0
    timestamp: int = 0
    headers: Headers = ()


def stored(reading: Reading, offset: int) -> Document:
    """Return the document of a reading with this offset in Kafka."""
    document = reading_document(ReadingMessage(encode(reading), offset))
    return document | {"_id": reading_id(reading.source_ts, reading.event_id)}


def recorded_hour(start: datetime = datetime(2026, 8, 11, 12, tzinfo=UTC)) -> list[tuple[str, list[Document]]]:
    """Return the documents of the first hour of the recording, by item; they come in 0.5 to 1 s late."""
    chance = random.Random(7)
    hour: defaultdict[str, list[Document]] = defaultdict(list)
    for offset, row in enumerate(takewhile(lambda row: row.offset < timedelta(hours=1), rows())):
        time = start + row.offset
        came = time + timedelta(milliseconds=400 + round(chance.lognormvariate(5, 0.6)))
        reading = reading_of(row.item_id, row.value, time, ingest_ts=came, session=SESSION, source="isslive")
        hour[row.item_id].append(stored(reading, offset))
    return list(hour.items())
