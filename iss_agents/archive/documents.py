"""Kafka records as MongoDB documents. `_id` is the record's own id, so that a repeated write finds itself."""

from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from iss_agents import catalog
from iss_agents.announcers.decision import Decision, decode_decision
from iss_agents.archive.database import Document
from iss_agents.detection.events import Event, decode_event
from iss_agents.messages import CannotDecode, Message, decode_message, place
from iss_agents.records import LATEST_SEQUENCE, decode_gap, decode_invalid, decode_reading
from iss_agents.station_clock import from_milliseconds


def reading_document(message: Message) -> Document:
    """Return a reading as a person queries it: by item, discipline, time, number or decoded state.

    What is unknown is left out. MongoDB keeps whole milliseconds, as the station's clock does.

    Raises:
        CannotDecode: see there.
    """
    reading = decode_message(decode_reading, message)
    item = catalog.items().get(reading.item_id)
    document = {
        "_id": reading.event_id,
        **_known(reading.item_id),
        "source_ts": reading.source_ts,
        "ingest_ts": reading.ingest_ts,
        "value": reading.value,
        "number": catalog.as_number(reading.value),
        "state": item.state(reading.value) if item else None,
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
    }
    return {name: value for name, value in document.items() if value is not None}


def gap_document(message: Message) -> Document:
    """Return a gap; `end` is None while it lasts.

    Raises:
        CannotDecode: see there.
    """
    gap = decode_message(decode_gap, message)
    fields = msgspec.structs.asdict(gap)
    if gap.shard is None:
        del fields["shard"]
    return {"_id": fields.pop("gap_id"), **fields}


def event_document(message: Message) -> Document:
    """Return an event of the urine tank.

    Raises:
        CannotDecode: see there.
    """
    return _under_event_id(decode_message(decode_event, message))


def decision_document(message: Message) -> Document:
    """Return the decision on an event, under the event's id.

    Raises:
        CannotDecode: see there.
    """
    return _under_event_id(decode_message(decode_decision, message))


def invalid_document(message: Message) -> Document:
    """Return what did not validate; if not even its record can be decoded, the bytes as they came."""
    try:
        invalid = decode_message(decode_invalid, message)
    except CannotDecode as error:
        return _raw_document(message, error)
    fields = msgspec.structs.asdict(invalid)
    return {"_id": fields.pop("invalid_id"), **fields}


def seen_at(message: Message) -> datetime:
    """Return the message's own time, UTC; Kafka takes times that are no dates, which become the nearest one."""
    return from_milliseconds(min(max(message.timestamp, 0), LATEST_SEQUENCE))


def _raw_document(message: Message, error: CannotDecode) -> Document:
    return {
        "_id": place(message),
        "stage": "archive",
        "reason": error.reason,
        "error": str(error),
        "payload": message.value or b"",
        "seen_at": seen_at(message),
    }


def _under_event_id(record: Event | Decision) -> Document:
    fields: Document = msgspec.to_builtins(record, builtin_types=(datetime,))
    return {"_id": fields.pop("event_id"), **fields}


@cache
def _known(item_id: str) -> dict[str, Any]:
    item = catalog.items().get(item_id)
    if item is None:
        return {"item_id": item_id}
    return {"item_id": item_id, "name": item.name, "discipline": item.discipline, "unit": item.unit}
