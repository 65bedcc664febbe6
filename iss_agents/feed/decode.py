"""One update of the feed -> one Reading: pure, the only place where the feed's spelling is understood."""

import hashlib
import math
from datetime import datetime
from urllib.parse import unquote

import msgspec

from iss_agents.catalog import items
from iss_agents.feed.update import Update
from iss_agents.records import SCHEMA_VERSION, Invalid, Reading, Source, new_reading
from iss_agents.station_clock import ClockError, source_time

LONGEST_FIELD = 1000
"""Characters. The longest label of the catalogue has under 100; a Kafka message must not grow with the feed."""


class InvalidUpdate(ValueError):  # noqa: N818 - it names what came, and is caught by that name
    """An update that is no reading and should have been one. `reason` is a word for counting."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def reading_from_update(update: Update, source: Source) -> Reading | None:
    """Return what was measured, or None when the feed says that it never was (no TimeStamp, or not above 0).

    Raises:
        InvalidUpdate: names the field, its value and what was expected.
    """
    _check_item(update)
    _check_lengths(update.fields)
    hours = _hours(update.fields.get("TimeStamp"))
    if hours is None:
        return None
    color = update.fields.get("Status.Color")
    return new_reading(
        update.item_id,
        _source_time(hours, update.arrival),
        _value(update.fields.get("Value")),
        ingest_ts=update.arrival,
        source=source,
        status_class=update.fields.get("Status.Class"),
        status_indicator=update.fields.get("Status.Indicator"),
        # Percent-encoded by the feed itself, on top of the protocol's own encoding (feed.md).
        status_color=unquote(color) if color else color,
        calibrated_data=update.fields.get("CalibratedData"),
        snapshot=update.snapshot,
        session=update.session,
    )


def invalid_record(update: Update, invalid: InvalidUpdate, source: Source) -> Invalid:
    """Return the record of an update that did not validate; its payload is the update as JSON."""
    payload = msgspec.json.encode(update._asdict())
    return Invalid(
        schema_version=SCHEMA_VERSION,
        invalid_id=hashlib.sha256(payload).hexdigest(),
        stage="feed",
        reason=invalid.reason,
        error=str(invalid),
        payload=payload,
        seen_at=update.arrival,
        item_id=update.item_id,
        source=source,
    )


def _check_item(update: Update) -> None:
    if update.item_id not in items():
        raise InvalidUpdate("unknown_item", f"item {update.item_id!r} is not one of the catalogue's")


def _check_lengths(fields: dict[str, str | None]) -> None:
    for name, value in fields.items():
        if value and len(value) > LONGEST_FIELD:
            raise InvalidUpdate(
                "too_long",
                f"{name} {value[:40]!r}... has {len(value)} characters; at most {LONGEST_FIELD} are expected",
            )


def _hours(text: str | None) -> float | None:
    if not text:
        return None
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not math.isfinite(hours):
        raise InvalidUpdate("time_stamp", f"TimeStamp {text!r} is not a number; decimal hours are expected")
    return hours if hours > 0 else None


def _source_time(hours: float, arrival: datetime) -> datetime:
    try:
        return source_time(hours, arrival)
    except ClockError as error:
        raise InvalidUpdate("clock", str(error)) from error


def _value(text: str | None) -> str:
    if not text:
        raise InvalidUpdate("no_value", f"Value is {text!r} though there is a TimeStamp; a value is expected")
    return text
