"""Documents: Kafka records as stored in MongoDB. `_id` follows from the record's id: writes are idempotent."""

from datetime import UTC, datetime
from functools import cache

import msgspec

from iss_agents.announcers.decision import Decision, decode_decision
from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import STATUS, id_of, reading_id
from iss_agents.detection.events import Event, decode_event
from iss_agents.telemetry import catalog
from iss_agents.telemetry.codec import DecodeError, Message, coordinates, decode_message
from iss_agents.telemetry.records import (
    Reading,
    decode_gap,
    decode_invalid,
    decode_reading,
    event_id,
)

OPTIONAL = ("number", "state", *STATUS, "suspect")
"""Fields that a document of a reading has only if they are known."""


def reading_document(message: Message) -> Document:
    """Return a reading in queryable form: by item, discipline, time, number or decoded state.

    Unknown fields are left out, and the event_id where it follows from the fields (`reading_id.event_id_of`).
    `offset`, in Kafka, orders the readings of one instant. MongoDB stores whole milliseconds, as the station's
    clock has them.

    Raises:
        DecodeError: see there.
    """
    reading = decode_message(decode_reading, message)
    document = {
        **_identity(reading),
        **described(reading.item_id),
        "source_ts": reading.source_ts,
        "ingest_ts": reading.ingest_ts,
        "value": reading.value,
        **meaning(reading.item_id, reading.value),
        "status_class": reading.status_class,
        "status_indicator": reading.status_indicator,
        "status_color": reading.status_color,
        "calibrated_data": reading.calibrated_data,
        "sequence": reading.sequence,
        "source": reading.source,
        "snapshot": reading.snapshot,
        "session": reading.session,
        "suspect": reading.suspect,
        "schema_version": reading.schema_version,
        "offset": message.offset,
    }
    for name in OPTIONAL:
        if document[name] is None:
            del document[name]
    return document


def _identity(reading: Reading) -> Document:
    usual = event_id(
        reading.item_id,
        reading.source_ts,
        reading.value,
        reading.status_class,
        reading.status_indicator,
        reading.status_color,
        reading.calibrated_data,
        reading.schema_version,
        reading.source,
    )
    if usual == reading.event_id:
        return {"_id": id_of(reading.sequence, usual)}
    return {"_id": reading_id(reading.source_ts, reading.event_id), "event_id": reading.event_id}


@cache
def described(item_id: str) -> dict[str, str]:
    """Return the fields of a reading that follow from its item."""
    item = catalog.items().get(item_id)
    if item is None:
        return {"item_id": item_id}
    return {"item_id": item_id, "name": item.name, "discipline": item.discipline, "unit": item.unit}


def meaning(item_id: str, value: str) -> Document:
    """Return the fields of a reading that follow from its value; None if the value has no such meaning."""
    item = catalog.items().get(item_id)
    return {"number": catalog.as_number(value), "state": item.state(value) if item else None}


def gap_document(message: Message) -> Document:
    """Return a gap; `end` is None while it is open.

    Raises:
        DecodeError: see there.
    """
    gap = decode_message(decode_gap, message)
    fields = msgspec.structs.asdict(gap)
    unknown = [name for name in ("shard", "item_id") if fields[name] is None]
    for name in unknown:
        del fields[name]
    return {"_id": fields.pop("gap_id"), **fields}


def event_document(message: Message) -> Document:
    """Return an event of the urine tank.

    Raises:
        DecodeError: see there.
    """
    return _under_event_id(decode_message(decode_event, message))


def decision_document(message: Message) -> Document:
    """Return the decision on an event, under the event's id.

    Raises:
        DecodeError: see there.
    """
    return _under_event_id(decode_message(decode_decision, message))


def invalid_document(message: Message) -> Document:
    """Return a dead letter; if its own record cannot be decoded, the raw bytes."""
    try:
        invalid = decode_message(decode_invalid, message)
    except DecodeError as error:
        return _raw_document(message, error)
    fields = msgspec.structs.asdict(invalid)
    return {"_id": fields.pop("invalid_id"), **fields}


def _raw_document(message: Message, error: DecodeError) -> Document:
    return {
        "_id": coordinates(message),
        "stage": "archive",
        "reason": error.reason,
        "error": str(error),
        "payload": message.value or b"",
        # Not the message's time, which can be any: with one in the past it would be deleted within a minute.
        "seen_at": datetime.now(UTC),
    }


def _under_event_id(record: Event | Decision) -> Document:
    fields: Document = msgspec.to_builtins(record, builtin_types=(datetime,))
    return {"_id": fields.pop("event_id"), **fields}
