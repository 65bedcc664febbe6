"""Dead letters: the records in `telemetry.invalid.v1` of messages that cannot be decoded or stored."""

import hashlib
from datetime import datetime
from typing import Literal

from iss_agents.telemetry.codec import LONGEST_ERROR, Headers, Message, coordinates
from iss_agents.telemetry.records import SCHEMA_VERSION, Invalid

LARGEST_PAYLOAD = 512 * 1024
"""Bytes of a value that are kept: as base64 they still fit into a record of 1 MiB, Kafka's own limit."""

RETRIED = "retried"
"""Header of a message that was sent again: the id of its dead letter."""

LONGEST_ID = 64


def dead_letter(
    message: Message,
    stage: Literal["agents", "archive"],
    reason: str,
    error: str,
    *,
    seen_at: datetime,
    item_id: str | None = None,
) -> Invalid:
    """Return the dead letter of a Kafka message that a stage cannot use."""
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=dead_letter_id(message),
        stage=stage,
        reason=reason,
        error=error[:LONGEST_ERROR],
        payload=payload_of(message),
        seen_at=seen_at,
        item_id=item_id,
    )


def dead_letter_id(message: Message) -> str:
    """Return the id of a message's dead letter.

    It follows from the message's coordinates, so that several stages that fail on a message store one dead
    letter. A message that was sent again and fails again keeps its first id.
    """
    for name, value in message.headers:
        if name == RETRIED:
            return value.decode(errors="replace")[:LONGEST_ID]
    return hashlib.sha256(coordinates(message).encode()).hexdigest()


def payload_of(message: Message) -> bytes:
    """Return the part of a message's value that its dead letter keeps."""
    return (message.value or b"")[:LARGEST_PAYLOAD]


def origin_headers(message: Message, error: str) -> Headers:
    """Return the Kafka headers of a dead letter: the coordinates of the message, and the error."""
    return [
        ("topic", message.topic.encode()),
        ("partition", str(message.partition).encode()),
        ("offset", str(message.offset).encode()),
        ("error", error[:LONGEST_ERROR].encode()),
    ]
