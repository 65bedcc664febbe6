"""Kafka records as MongoDB documents. `_id` is the record's own id, so that a repeated write finds itself."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from iss_agents import catalog
from iss_agents.archive.database import Document
from iss_agents.records import SCHEMA_VERSION, decode_gap, decode_invalid, decode_reading
from iss_agents.station_clock import from_milliseconds


class Message(Protocol):
    """What the archive needs of a Kafka record. `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None


class CannotDecode(ValueError):  # noqa: N818 - says what happened
    """A message is none of our records. `reason` is `undecodable` or `newer_schema`."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class _Version(msgspec.Struct):
    schema_version: int = 0


class _Versioned(Protocol):
    @property
    def schema_version(self) -> int: ...


Record = TypeVar("Record", bound=_Versioned)

_decode_version = msgspec.json.Decoder(_Version).decode


def reading_document(message: Message) -> Document:
    """Return a reading as a person queries it: by item, discipline, time, number or decoded state.

    What is unknown is left out. MongoDB keeps whole milliseconds, as the station's clock does.

    Raises:
        CannotDecode: see there.
    """
    reading = _decode(decode_reading, message)
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
    gap = _decode(decode_gap, message)
    fields = msgspec.structs.asdict(gap)
    return {"_id": fields.pop("gap_id"), **fields}


def invalid_document(message: Message) -> Document:
    """Return what did not validate; if not even its record can be decoded, the bytes as they came."""
    try:
        invalid = _decode(decode_invalid, message)
    except CannotDecode as error:
        return _raw_document(message, error)
    fields = msgspec.structs.asdict(invalid)
    return {"_id": fields.pop("invalid_id"), **fields}


def place(message: Message) -> str:
    """Return `topic:partition:offset`, which names a message for good."""
    return f"{message.topic}:{message.partition}:{message.offset}"


def seen_at(message: Message) -> datetime:
    """Return the message's own time, UTC."""
    return from_milliseconds(message.timestamp)


def _raw_document(message: Message, error: CannotDecode) -> Document:
    return {
        "_id": place(message),
        "stage": "archive",
        "reason": error.reason,
        "error": str(error),
        "payload": message.value or b"",
        "seen_at": seen_at(message),
    }


def _decode(decode: Callable[[bytes], Record], message: Message) -> Record:
    value = message.value or b""
    try:
        record = decode(value)
    except msgspec.DecodeError as error:
        raise CannotDecode(_reason(value), f"{place(message)}: {error}") from error
    if record.schema_version > SCHEMA_VERSION:
        raise CannotDecode("newer_schema", f"{place(message)}: schema_version {record.schema_version}")
    return record


def _reason(value: bytes) -> str:
    # A newer record may well have other fields, which then look like errors in this version's.
    try:
        newer = _decode_version(value).schema_version > SCHEMA_VERSION
    except msgspec.DecodeError:
        return "undecodable"
    return "newer_schema" if newer else "undecodable"


@cache
def _known(item_id: str) -> dict[str, Any]:
    item = catalog.items().get(item_id)
    if item is None:
        return {"item_id": item_id}
    return {"item_id": item_id, "name": item.name, "discipline": item.discipline, "unit": item.unit}
