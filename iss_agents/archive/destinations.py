"""Which topic goes to which collection, and how. A new topic is a new row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pymongo import InsertOne, ReplaceOne

from iss_agents import topics
from iss_agents.archive.database import Document
from iss_agents.archive.documents import (
    decision_document,
    event_document,
    gap_document,
    invalid_document,
    reading_document,
)
from iss_agents.messages import Message
from iss_agents.topics import Topic

Operation: TypeAlias = "InsertOne[Document] | ReplaceOne[Document]"


@dataclass(frozen=True)
class Destination:
    """One row. `document` may raise CannotDecode; documents expire some days after the time in `expires_by`."""

    topic: Topic
    collection: str
    document: Callable[[Message], Document]
    operation: Callable[[Document], Operation]
    indexes: tuple[tuple[str, ...], ...]
    expires_by: str | None = None


def keep_the_first(document: Document) -> Operation:
    """Write a document that never changes."""
    return InsertOne(document)


def keep_the_end(document: Document) -> Operation:
    """Write a gap; one without an end never replaces what is there, which may be its end read earlier."""
    if document["end"] is None:
        return InsertOne(document)
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)


READINGS = Destination(
    topics.RAW,
    "readings",
    reading_document,
    keep_the_first,
    # `_id` makes the order of readings with one time total, which paging needs.
    indexes=(("item_id", "source_ts", "_id"), ("source_ts", "_id")),
    expires_by="ingest_ts",
)
GAPS = Destination(topics.GAPS, "gaps", gap_document, keep_the_end, indexes=(("start", "_id"),))
INVALID = Destination(
    topics.INVALID, "invalid", invalid_document, keep_the_first, indexes=(), expires_by="seen_at"
)

EVENTS = Destination(topics.EVENTS, "events", event_document, keep_the_first, indexes=(("start", "_id"),))
POSTS = Destination(
    topics.DECISIONS, "posts", decision_document, keep_the_first, indexes=(("decided_at", "_id"),)
)

DESTINATIONS: dict[str, Destination] = {row.topic.name: row for row in (READINGS, GAPS, EVENTS, POSTS, INVALID)}
"""Topic name -> row."""
