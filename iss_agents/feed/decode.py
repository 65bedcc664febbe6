"""Decoding of feed updates to Readings: pure functions, the only place that knows the feed's spelling."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from iss_agents.telemetry.catalog import as_number, items
from iss_agents.telemetry.records import Reading, Source, new_reading
from iss_agents.telemetry.station_clock import ClockError, source_time

FIELDS = ("TimeStamp", "Value", "Status.Class", "Status.Indicator", "Status.Color", "CalibratedData")
"""The fields of every item, in the feed's spelling (Subscriber.ts of the ISSLive demo)."""

LONGEST_FIELD = 1000
"""Characters. The longest label of the catalogue has under 100; this bounds a Kafka message."""


class Update(NamedTuple):
    """One update of one item. `fields` has all of `FIELDS`, None where the feed sent null.

    `session` is the session's start in milliseconds since 1970.
    """

    item_id: str
    fields: dict[str, str | None]
    snapshot: bool
    session: int
    arrival: datetime


class InvalidUpdateError(ValueError):
    """An update that does not validate and becomes a dead letter. `reason` is a label for counting."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


TimeOf = Callable[[Update, float], datetime]
"""An update and its decimal hours -> when it was measured. Raises ClockError."""


def by_arrival(update: Update, hours: float) -> datetime:
    """Return when an update was measured, derived from its arrival alone."""
    return source_time(hours, update.arrival, snapshot=update.snapshot)


def reading_from_update(update: Update, source: Source, time_of: TimeOf = by_arrival) -> Reading | None:
    """Return the Reading, or None for an item that was never measured (no TimeStamp, or not above 0).

    Raises:
        InvalidUpdateError: names the field, its value and what was expected.
    """
    _check_item(update)
    _check_lengths(update.fields)
    hours = _hours(update.fields.get("TimeStamp"))
    if hours is None:
        return None
    color = update.fields.get("Status.Color")
    return new_reading(
        update.item_id,
        _source_time(update, hours, time_of),
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


def _check_item(update: Update) -> None:
    if update.item_id not in items():
        raise InvalidUpdateError("unknown_item", f"item {update.item_id!r} is not in the catalogue")


def _check_lengths(fields: dict[str, str | None]) -> None:
    for name, value in fields.items():
        if value and len(value) > LONGEST_FIELD:
            raise InvalidUpdateError(
                "too_long",
                f"{name} {value[:40]!r}... has {len(value)} characters; at most {LONGEST_FIELD} are expected",
            )


def _hours(text: str | None) -> float | None:
    if not text:
        return None
    hours = as_number(text)
    if hours is None:
        raise InvalidUpdateError(
            "time_stamp", f"TimeStamp {text!r} is not a number; decimal hours are expected"
        )
    return hours if hours > 0 else None


def _source_time(update: Update, hours: float, time_of: TimeOf) -> datetime:
    try:
        return time_of(update, hours)
    except ClockError as error:
        raise InvalidUpdateError(error.reason, str(error)) from error


def _value(text: str | None) -> str:
    if not text:
        raise InvalidUpdateError(
            "no_value", f"Value is {text!r} though there is a TimeStamp; a value is expected"
        )
    return text
