"""What travels on Kafka: one frozen record a message, validated when it is decoded.

msgspec rather than pydantic: a Reading is decoded for every message by every consumer, and msgspec
decodes and validates it in about a tenth of the time.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from iss_agents.shard import Shard
from iss_agents.station_clock import milliseconds, rfc3339

SCHEMA_VERSION = 1
"""Version of every record. Consumers accept this and older ones; a newer one goes to the invalid topic."""

GOOD_STATUS = "24"
"""Status.Class of a healthy measurement, and of TIME_000001 while the signal is acquired (feed.md, AOS/LOS)."""

LONGEST_TEXT = 1000
"""Characters of a text field at most: hundreds of times what the feed sends, and far below Kafka's 1 MiB."""

LATEST_SEQUENCE = 4_102_444_800_000
"""1 January 2100 in milliseconds since 1970: no clock of the station is later."""

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Sequence = Annotated[int, msgspec.Meta(ge=0, lt=LATEST_SEQUENCE)]
Record = TypeVar("Record")

Source = Literal["isslive", "simulated", "test"]
Suspect = Literal["zero_burst", "frozen"]
GapCause = Literal["los", "silence", "outage", "restart", "overflow", "frozen"]


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One measurement of one item, as the station took it.

    `value` is the text the feed sent. `source_ts` is the station's time, `ingest_ts` ours. `sequence` is
    `source_ts` in milliseconds since 1970: it needs no state and grows with the item. `session` tells
    Lightstreamer sessions apart (milliseconds since 1970 of the session's start; 1, 2, 3 in recordings).
    A `suspect` reading is archived and believed by nothing else.
    """

    schema_version: int
    event_id: Text
    item_id: Text
    sequence: Sequence
    source_ts: datetime
    ingest_ts: datetime
    value: Text
    source: Source
    status_class: Text | None = None
    status_indicator: Text | None = None
    status_color: Text | None = None
    calibrated_data: Text | None = None
    snapshot: bool = False
    session: int = 0
    suspect: Suspect | None = None

    def __post_init__(self) -> None:
        if self.source_ts.tzinfo is None or self.ingest_ts.tzinfo is None:
            raise ValueError("source_ts and ingest_ts need a time zone")
        if self.sequence != milliseconds(self.source_ts):
            raise ValueError(f"sequence is {self.sequence}, not source_ts in milliseconds since 1970")
        if not 0 <= milliseconds(self.ingest_ts) < LATEST_SEQUENCE:
            raise ValueError("ingest_ts is not between 1970 and 2100")


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A span in which readings are missing or cannot be trusted. `end` is None while it lasts.

    The same `gap_id` is sent again when the gap ends; the later record replaces the earlier one. A gap of a
    worker that was killed gets no end: it is over, at the latest, where the next gap of cause `restart` from
    the same source and shard, or of another number of shards, ends, because the feed that begins there notes
    anew what still lasts.

    `shard` is the part of the feed that noted it, such as 2/3 (see `shard.py`), None the whole feed. The gap
    concerns the items of that part; a loss of signal (los) concerns all.
    """

    schema_version: int
    gap_id: str
    cause: GapCause
    start: datetime
    end: datetime | None = None
    detail: str = ""
    source: Source = "isslive"
    shard: str | None = None

    def __post_init__(self) -> None:
        Shard.of(self.shard)


class Invalid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that did not validate, kept as it came. `payload` is the original, base64 in JSON.

    `reason` is a short word for counting; `error` names the field, the value and what was expected. `source` is
    that of the feed, where it was the feed's update that did not validate.
    """

    schema_version: int
    invalid_id: str
    stage: Literal["feed", "agents", "archive"]
    reason: str
    error: str
    payload: bytes
    seen_at: datetime
    item_id: str | None = None
    source: Source | None = None


def event_id(
    item_id: str,
    source_ts: datetime,
    value: str,
    status_class: str | None = None,
    status_indicator: str | None = None,
    status_color: str | None = None,
    calibrated_data: str | None = None,
    schema_version: int = SCHEMA_VERSION,
) -> str:
    """Return the SHA-256, in hex, that names a reading wherever and however often it is seen.

    Hashed are the UTF-8 bytes of these eight fields joined by `|`, None as nothing, `source_ts` as RFC 3339
    in UTC with milliseconds:

        NODE3000005|2026-08-11T10:27:48.000Z|37|24||||1
    """
    fields = (
        item_id,
        rfc3339(source_ts),
        value,
        status_class or "",
        status_indicator or "",
        status_color or "",
        calibrated_data or "",
        str(schema_version),
    )
    return hashlib.sha256("|".join(fields).encode()).hexdigest()


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
            item_id, source_ts, value, status_class, status_indicator, status_color, calibrated_data
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


def decoder(record: type[Record]) -> Callable[[bytes], Record]:
    """Return bytes -> `record`, of which every failure is a msgspec.DecodeError that names the field."""
    decode = msgspec.json.Decoder(record).decode

    def strict(data: bytes) -> Record:
        try:
            return decode(data)
        except (UnicodeDecodeError, RecursionError) as error:
            # msgspec lets these two through: bytes that are no UTF-8 within a text, and deep nesting.
            raise msgspec.DecodeError(f"{type(error).__name__}: {error}") from error

    return strict


decode_reading = decoder(Reading)
decode_gap = decoder(Gap)
decode_invalid = decoder(Invalid)
