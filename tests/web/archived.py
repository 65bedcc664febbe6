"""A database with documents as the archive writes them, for tests of the views of history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.mongo import connect
from iss_agents.archive.rollups.hours import hours_of, mark
from iss_agents.config.settings import Settings
from iss_agents.telemetry.codec import Headers
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import RAW, Topic
from tests.web.conftest import Client


@dataclass
class ArchivedMessage:
    """What the archive makes a document of."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    headers: Headers = ()


async def store(settings: Settings, topic: Topic, records: Sequence[msgspec.Struct]) -> None:
    """Write the documents of `records`, and mark the hours of readings."""
    destination = DESTINATIONS[topic.name]
    messages = [
        ArchivedMessage(topic.name, 0, offset, 0, encode(record)) for offset, record in enumerate(records)
    ]
    database = connect(settings)
    documents = [destination.document(message) for message in messages]
    await database[destination.collection].insert_many(documents)
    if topic is RAW:
        await mark(database, hours_of(documents), datetime.now(UTC))
    database.client.close()


async def fetch(client: Client, path: str) -> dict[str, Any]:
    """Return the document of an answer that is good and that nobody caches."""
    answer = await client.get(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    document: dict[str, Any] = await answer.json()
    return document
