"""Destinations: which topic goes to which collection, and how. A new topic is a new row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pymongo import InsertOne, ReplaceOne, UpdateOne

from iss_agents.archive.documents import (
    decision_document,
    event_document,
    gap_document,
    invalid_document,
    reading_document,
)
from iss_agents.archive.mongo import Document
from iss_agents.telemetry import topics
from iss_agents.telemetry.codec import Message
from iss_agents.telemetry.topics import Topic

Operation: TypeAlias = "InsertOne[Document] | ReplaceOne[Document] | UpdateOne"


@dataclass(frozen=True)
class Destination:
    """One row. `document` may raise DecodeError; documents expire some days after the time in `expires_by`."""

    topic: Topic
    collection: str
    document: Callable[[Message], Document]
    operation: Callable[[Document], Operation]
    indexes: tuple[tuple[str, ...], ...]
    expires_by: str | None = None


def keep_the_first(document: Document) -> Operation:
    """Insert a document that never changes."""
    return InsertOne(document)


def keep_the_end(document: Document) -> Operation:
    """Write a gap. An open gap never replaces a stored one, which may already have its end."""
    if document["end"] is None:
        return InsertOne(document)
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)


READINGS = Destination(
    topics.RAW,
    "readings",
    reading_document,
    keep_the_first,
    # Without `_id`, which takes more room than all the rest; `scan` itself orders readings of the same time.
    indexes=(("item_id", "source_ts"), ("source_ts",)),
    expires_by="ingest_ts",
)
GAPS = Destination(
    topics.GAPS,
    "gaps",
    gap_document,
    keep_the_end,
    indexes=(("start", "_id"), ("end",), ("cause", "start")),
)
INVALID = Destination(
    topics.INVALID, "invalid", invalid_document, keep_the_first, indexes=(), expires_by="seen_at"
)

EVENTS = Destination(
    topics.EVENTS,
    "events",
    event_document,
    keep_the_first,
    indexes=(("start", "_id"), ("kind", "source", "start")),
)
POSTS = Destination(
    topics.DECISIONS,
    "posts",
    decision_document,
    keep_the_first,
    # Lead from a reading to its post.
    indexes=(("decided_at", "_id"), ("reading_ids",)),
)

DESTINATIONS: dict[str, Destination] = {row.topic.name: row for row in (READINGS, GAPS, EVENTS, POSTS, INVALID)}
"""Topic name -> row."""
