"""Events of the urine tank: uses of the toilet, and unobserved rises."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.records import Count, Instant, Source, Version, decoder, require_plausible
from iss_agents.telemetry.station_clock import rfc3339

REPLAYED = "replayed"
"""Kafka header of events that were detected again from history: they are recorded and never posted."""

EVENT_SCHEMA_VERSION = 1
"""Schema version of both records."""


class ConfidenceParts(msgspec.Struct, frozen=True, kw_only=True):
    """Components of the confidence in a use, each 0 to 1.

    `size`: a rise of 4 % or more is full. `steadiness`: the level stays where the rise ended. `pace`: the rise
    took the time that uses take. `evidence`: six readings or more are full.
    """

    size: float
    steadiness: float
    pace: float
    evidence: float


class Urination(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="use"):
    """One use of the toilet. Levels and `delta_percent` are percent of the tank, whose size is disputed.

    All times are the station's, UTC. `detected_at` is that of the reading that decided. `readings` counts
    those of the level from the start of the rise to the decision. `source` is `isslive` only if every reading
    that made the event came from the public feed. `confidence` is the mean of its parts. `reading_ids` name
    the first reading of the rise, the last that was higher than all before, and the one that decided.
    """

    schema_version: Version
    event_id: str
    start: Instant
    end: Instant
    detected_at: Instant
    level_before: float
    level_after: float
    delta_percent: float
    confidence: float
    confidence_parts: ConfidenceParts
    processor_running: bool
    readings: Count
    source: Source
    reading_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_plausible(start=self.start, end=self.end, detected_at=self.detected_at)


class UnobservedRise(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="unobserved"
):
    """A rise during a coverage gap: how many uses or transfers it was is unknown.

    `start` is when the level was last known, `end` when it was known again. `reading_ids` has the reading that
    decided.
    """

    schema_version: Version
    event_id: str
    start: Instant
    end: Instant
    detected_at: Instant
    level_before: float
    level_after: float
    delta_percent: float
    processor_running: bool
    readings: Count
    source: Source
    reading_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_plausible(start=self.start, end=self.end, detected_at=self.detected_at)


Event = Urination | UnobservedRise

decode_event: Callable[[bytes], Event] = decoder(Event)  # type: ignore[arg-type]
"""Bytes -> Urination or UnobservedRise. Raises like `records.decode_reading`."""


def event_id(
    kind: Literal["use", "unobserved"],
    start: datetime,
    end: datetime,
    level_before: float,
    level_after: float,
    source: Source,
) -> str:
    """Return the SHA-256, in hex, that identifies an event wherever and however often it is detected.

    Hashed are the UTF-8 bytes of these fields joined by `|`: kind, item, start and end as RFC 3339 in UTC with
    milliseconds, both levels with one decimal, source, schema_version:

        use|NODE3000005|2026-08-11T10:27:48.000Z|2026-08-11T10:28:21.000Z|37.0|43.5|isslive|1
    """
    fields = (
        kind,
        TANK_ITEM,
        rfc3339(start),
        rfc3339(end),
        f"{level_before:.1f}",
        f"{level_after:.1f}",
        source,
        str(EVENT_SCHEMA_VERSION),
    )
    return hashlib.sha256("|".join(fields).encode()).hexdigest()
