"""Records on Kafka: one frozen record per message, validated when it is decoded.

msgspec rather than pydantic: a Reading is decoded for every message by every consumer, and msgspec
decodes and validates it in about a tenth of the time.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from iss_agents.telemetry.catalog import as_number
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.station_clock import milliseconds, rfc3339

SCHEMA_VERSION = 1
"""Version of every record. Consumers accept this and older ones; a newer one becomes a dead letter."""

GOOD_STATUS = "24"
"""Status.Class of a healthy measurement, and of TIME_000001 while the signal is acquired (feed.md, AOS/LOS)."""


LONGEST_TEXT = 1000
"""Longest text field in characters: hundreds of times what the feed sends, and far below Kafka's 1 MiB."""

LATEST_SEQUENCE = 4_102_444_800_000
"""1 January 2100 in milliseconds since 1970: the end of plausible times."""

Version = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Sequence = Annotated[int, msgspec.Meta(ge=0, lt=LATEST_SEQUENCE)]
"""A time in milliseconds since 1970."""
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
"""A number that MongoDB and JavaScript represent exactly."""
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone. Every record with one calls `require_plausible`, on which consumers rely."""
Record = TypeVar("Record")

Source = Literal["isslive", "simulated", "test"]
Suspect = Literal["zero_burst", "frozen"]
GapCause = Literal["los", "silence", "outage", "restart", "overflow", "frozen"]


def is_good_status(status_class: str) -> bool:
    """Return whether a Status.Class means a good measurement, and for TIME_000001 an acquired signal."""
    return as_number(status_class) == float(GOOD_STATUS)


def is_acceptable_status(status_class: str | None) -> bool:
    """Return whether a Status.Class does not contradict its value: it is good, or was not sent."""
    return not status_class or is_good_status(status_class)


def require_plausible(**instants: datetime | None) -> None:
    """Raise ValueError, which names the field, unless every time lies between 1970 and 2100."""
    for name, instant in instants.items():
        if instant is not None and not 0 <= milliseconds(instant) < LATEST_SEQUENCE:
            raise ValueError(f"{name} is {instant.isoformat()}, not between 1970 and 2100")


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One measurement of one item.

    `value` is the text the feed sent. `source_ts` is the station's time, `ingest_ts` ours. `sequence` is
    `source_ts` in milliseconds since 1970: it needs no state and grows with the item. `session` tells
    Lightstreamer sessions apart (milliseconds since 1970 of the session's start; 1, 2, 3 in recordings).
    A `suspect` reading is archived and otherwise ignored.
    """

    schema_version: Version
    event_id: Text
    item_id: Text
    sequence: Sequence
    source_ts: Instant
    ingest_ts: Instant
    value: Text
    source: Source
    status_class: Text | None = None
    status_indicator: Text | None = None
    status_color: Text | None = None
    calibrated_data: Text | None = None
    snapshot: bool = False
    session: Count = 0
    suspect: Suspect | None = None

    def __post_init__(self) -> None:
        if self.sequence != milliseconds(self.source_ts):
            raise ValueError(f"sequence is {self.sequence}, not source_ts in milliseconds since 1970")
        require_plausible(ingest_ts=self.ingest_ts)


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A span in which readings are missing or cannot be trusted. `end` is None while it lasts.

    The same `gap_id` is sent again when the gap ends; the later record replaces the earlier one. A gap of a
    worker that was killed gets no end: it ends, at the latest, with the next gap of cause `restart` from the
    same source and shard, or of another number of shards, because the feed that begins there detects again what
    still lasts.

    `shard` is the part of the feed that detected the gap, such as 2/3 (see `shards.py`), None the whole feed.
    The gap concerns the items of that part; a loss of signal (los) concerns all. A gap with an `item_id`
    concerns only that item.
    """

    schema_version: Version
    gap_id: str
    cause: GapCause
    start: Instant
    end: Instant | None = None
    detail: str = ""
    source: Source = "isslive"
    shard: str | None = None
    item_id: Text | None = None

    def __post_init__(self) -> None:
        require_plausible(start=self.start, end=self.end)
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end is {self.end.isoformat()}, before start, {self.start.isoformat()}")
        Shard.of(self.shard)


class Invalid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter: a message or update that did not validate. `payload` is the original, base64 in JSON.

    `reason` is a label for counting; `error` names the field, the value and what was expected. `source` is the
    source of the feed if an update of the feed did not validate.
    """

    schema_version: Version
    invalid_id: str
    stage: Literal["feed", "agents", "archive"]
    reason: str
    error: str
    payload: bytes
    seen_at: Instant
    item_id: str | None = None
    source: Source | None = None

    def __post_init__(self) -> None:
        require_plausible(seen_at=self.seen_at)


def event_id(
    item_id: str,
    source_ts: datetime,
    value: str,
    status_class: str | None = None,
    status_indicator: str | None = None,
    status_color: str | None = None,
    calibrated_data: str | None = None,
    schema_version: int = SCHEMA_VERSION,
    source: Source = "isslive",
) -> str:
    """Return the SHA-256, in hex, that identifies a reading wherever and however often it is received.

    Hashed are the UTF-8 bytes of these eight fields joined by `|`, None as nothing, `source_ts` as RFC 3339
    in UTC with milliseconds:

        NODE3000005|2026-08-11T10:27:48.000Z|37|24||||1

    Those of a test reading are followed by `|test`: it must not pass for the feed's reading that it equals.
    """
    status = status_class, status_indicator, status_color, calibrated_data
    return hash_of(item_id, rfc3339(source_ts), value, after_value(*status, schema_version, source))


def after_value(
    status_class: str | None,
    status_indicator: str | None,
    status_color: str | None,
    calibrated_data: str | None,
    schema_version: int,
    source: Source,
) -> str:
    """Return what the event_id of a reading hashes after its value: often the same for all of an hour."""
    status = f"{status_class or ''}|{status_indicator or ''}|{status_color or ''}|{calibrated_data or ''}"
    return f"{status}|{schema_version}|test" if source == "test" else f"{status}|{schema_version}"


def hash_of(item_id: str, source_time: str, value: str, after: str) -> str:
    """Return the event_id of a reading; `source_time` is as RFC 3339, `after` by `after_value`."""
    return hashlib.sha256(f"{item_id}|{source_time}|{value}|{after}".encode()).hexdigest()


def new_reading(
    item_id: str,
    source_ts: datetime,
    value: str,
    *,
    ingest_ts: datetime,
    source: Source,
    status_class: str | None = None,
    status_indicator: str | None = None,
    status_color: str | None = None,
    calibrated_data: str | None = None,
    snapshot: bool = False,
    session: int = 0,
    suspect: Suspect | None = None,
) -> Reading:
    """Return a Reading with its event_id and sequence derived from what was measured."""
    source_ts = source_ts.astimezone(UTC)
    return Reading(
        schema_version=SCHEMA_VERSION,
        event_id=event_id(
            item_id,
            source_ts,
            value,
            status_class,
            status_indicator,
            status_color,
            calibrated_data,
            source=source,
        ),
        item_id=item_id,
        sequence=milliseconds(source_ts),
        source_ts=source_ts,
        ingest_ts=ingest_ts,
        value=value,
        source=source,
        status_class=status_class,
        status_indicator=status_indicator,
        status_color=status_color,
        calibrated_data=calibrated_data,
        snapshot=snapshot,
        session=session,
        suspect=suspect,
    )


encode = msgspec.json.Encoder().encode
"""Any record -> the bytes of its Kafka message."""

TEST_MARK = b'"source":"test"'
"""Part of the bytes of every test reading, and of no other: within a text these quotes are escaped."""


def decoder(record: type[Record]) -> Callable[[bytes], Record]:
    """Return a function bytes -> `record`; its only error is msgspec.DecodeError, which names the field."""
    decode = msgspec.json.Decoder(record).decode

    def strict(data: bytes) -> Record:
        try:
            return decode(data)
        except (UnicodeDecodeError, RecursionError) as error:
            # msgspec does not translate these two: invalid UTF-8 within a text, and deep nesting.
            raise msgspec.DecodeError(f"{type(error).__name__}: {error}") from error

    return strict


decode_reading = decoder(Reading)
decode_gap = decoder(Gap)
decode_invalid = decoder(Invalid)
