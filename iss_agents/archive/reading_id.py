"""`_id` of a reading in MongoDB: 16 bytes that begin with its time, and the event_id that it stands for.

The hex digits of a SHA-256 are random, so each insert and each expiry would change another page of an index. An
id that begins with the time is appended, is a quarter as long, and identifies a reading as well: 80 bits of the
hash tell the readings of one millisecond apart. Everything outside the archive knows a reading by its event_id,
which is computed from the document. Documents of earlier versions have the event_id itself as their `_id`.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from iss_agents.telemetry.records import SCHEMA_VERSION, after_value, hash_of
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds, rfc3339

TIME_BYTES = 6
"""Milliseconds since 1970, big-endian, so that the order of ids is that of time."""

HASH_BYTES = 10

STATUS = ("status_class", "status_indicator", "status_color", "calibrated_data")

AFTER_VALUE = (*STATUS, "schema_version", "source")
"""Fields of a document that `after_value_of` reads."""

IDENTIFYING = ("_id", "event_id", "item_id", "value", *AFTER_VALUE)
"""Fields of a document that `event_id_of` reads."""

SHA256 = re.compile(r"[0-9a-f]{64}")


def reading_id(source_ts: datetime, name: str) -> bytes:
    """Return the `_id` of the reading with the event_id `name`."""
    # A producer other than the feed may send any text.
    digits = name if SHA256.fullmatch(name) else hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return id_of(milliseconds(source_ts), digits)


def id_of(time: int, digits: str) -> bytes:
    """Return the `_id` of a reading by its time in milliseconds and the hex digits of a SHA-256."""
    return time.to_bytes(TIME_BYTES) + bytes.fromhex(digits[: 2 * HASH_BYTES])


def forms_of(source_ts: datetime, name: str) -> tuple[bytes, str]:
    """Return the ids under which a reading may be stored: 16 bytes, or its event_id by earlier versions."""
    return reading_id(source_ts, name), name


def event_id_of(document: Mapping[str, Any]) -> str:
    """Return the event_id of a document of the collection `readings`.

    `event_id` is stored only if the message had another one than its fields give.
    """
    identity = document["_id"]
    if not isinstance(identity, bytes):
        return str(identity)
    sent: str | None = document.get("event_id")
    return computed_event_id(document, time_of(identity)) if sent is None else sent


def computed_event_id(document: Mapping[str, Any], source_ts: datetime) -> str:
    """Return the event_id that the fields of a document give; `source_ts` may be more exact than stored."""
    value, after = str(document.get("value", "")), after_value_of(document)
    return hash_of(str(document.get("item_id", "")), rfc3339(source_ts), value, after)


def after_value_of(document: Mapping[str, Any]) -> str:
    """Return what the event_id of a document hashes after its value."""
    get = document.get
    status_class, indicator, color, calibrated = (_text(get(name)) for name in STATUS)
    version, source = get("schema_version", SCHEMA_VERSION), get("source", "isslive")
    return after_value(status_class, indicator, color, calibrated, version, source)


def _text(value: Any) -> str | None:
    # A document edited by hand may have a status that is not text.
    return None if value is None else str(value)


def time_of(identity: bytes) -> datetime:
    """Return the `source_ts` of a reading, UTC, by its `_id`."""
    return from_milliseconds(int.from_bytes(identity[:TIME_BYTES]))


def with_new_id(reading: dict[str, Any]) -> dict[str, Any]:
    """Return a document as this version stores it; that of an earlier version has its event_id as `_id`."""
    name, source_ts = reading["_id"], reading.get("source_ts")
    if not isinstance(name, str) or not isinstance(source_ts, datetime) or source_ts < EPOCH:
        return reading
    document = {**reading, "_id": reading_id(source_ts, name)}
    return document if event_id_of(document) == name else {**document, "event_id": name}


def order_of(identity: Any, prefix: int = TIME_BYTES) -> str:
    """Return the text that orders readings with the same time and offset: the digits of the event_id.

    Of 16 bytes, these are the digits after the first `prefix` bytes, which are the same if the time is. So it
    does not matter in which form a reading is stored.
    """
    return identity[prefix:].hex() if isinstance(identity, bytes) else str(identity)
