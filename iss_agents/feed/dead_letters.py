"""Dead letters of the feed: updates that do not validate, and records that Kafka rejects."""

import hashlib
from datetime import UTC, datetime

import msgspec
from aiokafka.errors import BrokerResponseError

from iss_agents.feed.decode import InvalidUpdateError, Update
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.kafka.diagnosis import TOO_LARGE, describe
from iss_agents.telemetry.dead_letter import LARGEST_PAYLOAD
from iss_agents.telemetry.records import SCHEMA_VERSION, Invalid, Source

TOO_LARGE_BYTES = 1000
"""How much of a record that is too large for Kafka its dead letter keeps; others are kept whole."""


def invalid_update(update: Update, invalid: InvalidUpdateError, source: Source) -> Invalid:
    """Return the dead letter of an update; its payload is the update as JSON.

    A snapshot is repeated in every session, and has the same dead letter each time.
    """
    payload = msgspec.json.encode(update._asdict())
    identity = msgspec.json.encode([update.item_id, update.fields]) if update.snapshot else payload
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=hashlib.sha256(identity).hexdigest(),
        stage="feed",
        reason=invalid.reason,
        error=str(invalid),
        payload=payload,
        seen_at=update.arrival,
        item_id=update.item_id,
        source=source,
    )


def rejected_record(record: ProducerRecord, error: BrokerResponseError) -> Invalid:
    """Return the dead letter of a record that Kafka rejected with `error`."""
    too_large = isinstance(error, TOO_LARGE)
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=hashlib.sha256(record.topic.encode() + b"|" + record.value).hexdigest(),
        stage="feed",
        reason="too_large" if too_large else "refused",
        error=f"Kafka refused this record of {len(record.value)} bytes for {record.topic}: {describe(error)}",
        payload=record.value[: TOO_LARGE_BYTES if too_large else LARGEST_PAYLOAD],
        seen_at=datetime.now(UTC),
        item_id=record.key.decode(errors="replace") if record.key else None,
    )
