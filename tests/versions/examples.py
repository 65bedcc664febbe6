"""One of every kind of message, Table value and document, with every field that it can have."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from iss_agents.agents.last_value import fold
from iss_agents.agents.watch_tank import value_of
from iss_agents.announcers.decision import Announcement, Cooldown, Decision, decode_decision
from iss_agents.archive.destinations import DESTINATIONS, EVENTS, GAPS, INVALID, POSTS, READINGS
from iss_agents.archive.rollups.buckets import HOUR, MINUTE, Bucket
from iss_agents.archive.rollups.hours import Hour, summary_of
from iss_agents.detection.events import ConfidenceParts, UnobservedRise, Urination, decode_event
from iss_agents.detection.state import CoverageGap, Level, Pending, Position, Rise, State
from iss_agents.telemetry.records import (
    Gap,
    Invalid,
    decode_gap,
    decode_invalid,
    decode_reading,
    encode,
    new_reading,
)
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from tests.web.archived import ArchivedMessage

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 8, 11, 12, 0, 33, 500_000, tzinfo=UTC)

PLAIN = new_reading("USLAB000058", NOON, "745.2", ingest_ts=LATER, source="isslive")
READING = new_reading(
    "NODE3000005",
    NOON,
    "37",
    ingest_ts=LATER,
    source="isslive",
    status_class="24",
    status_indicator="N",
    status_color="#ffffff",
    calibrated_data="37.0",
    snapshot=True,
    session=1786444068000,
    suspect="frozen",
)
OPEN_GAP = Gap(schema_version=1, gap_id="gap-1", cause="los", start=NOON)
GAP = Gap(
    schema_version=1,
    gap_id="gap-2",
    cause="outage",
    start=NOON,
    end=LATER,
    detail="a reason",
    source="simulated",
)
INVALID_ONE = Invalid(
    schema_version=1,
    invalid_id="invalid-1",
    stage="feed",
    reason="value",
    error="Value is ''",
    payload=b"\x00\xff{",
    seen_at=LATER,
    item_id="NODE3000005",
    source="isslive",
)
USE = Urination(
    schema_version=1,
    event_id="event-1",
    start=NOON,
    end=LATER,
    detected_at=LATER,
    level_before=37.0,
    level_after=43.5,
    delta_percent=6.5,
    confidence=0.875,
    confidence_parts=ConfidenceParts(size=1.0, steadiness=0.5, pace=1.0, evidence=1.0),
    processor_running=True,
    readings=7,
    source="isslive",
)
RISE = UnobservedRise(
    schema_version=1,
    event_id="event-2",
    start=NOON,
    end=LATER,
    detected_at=LATER,
    level_before=37.0,
    level_after=52.0,
    delta_percent=15.0,
    processor_running=False,
    readings=2,
    source="isslive",
)
TOLD = Announcement(announcer="X", outcome="posted", attempts=2, post_id="17", error="503, then well")
DECISION = Decision(
    schema_version=1,
    event_id="event-1",
    decision="posted",
    decided_at=LATER,
    detected_at=LATER,
    text="A text.",
    source="isslive",
    announcements=(TOLD,),
)
STATE = State(
    positions={"NODE3000005": Position(milliseconds(NOON), ("id-1", "id-2"), "isslive")},
    clock=milliseconds(NOON),
    signal_lost=True,
    level_doubtful=True,
    processor_running=True,
    levels=(Level(milliseconds(NOON), 37.0, "isslive"),),
    rise=Rise(milliseconds(NOON), 43.5, milliseconds(LATER)),
    pending=Pending(USE, milliseconds(LATER)),
    unseen=CoverageGap(milliseconds(NOON), 37.0, "isslive", milliseconds(LATER), jumped=True),
)
COOLDOWN = Cooldown(sequence=milliseconds(LATER), event_id="event-1", until=LATER)

Decode = Callable[[bytes], Any]
MESSAGES: dict[str, tuple[msgspec.Struct, Decode]] = {
    "reading": (READING, decode_reading),
    "reading-plain": (PLAIN, decode_reading),
    "gap": (GAP, decode_gap),
    "gap-open": (OPEN_GAP, decode_gap),
    "invalid": (INVALID_ONE, decode_invalid),
    "use": (USE, decode_event),
    "unobserved": (RISE, decode_event),
    "decision": (DECISION, decode_decision),
}
"""File -> the record of a message, and what reads it."""

TABLES: dict[str, dict[str, Any]] = {
    "last_seen": fold([msgspec.structs.replace(READING, suspect=None)], {}).changed["NODE3000005"],
    "tank_levels": value_of(STATE),
    "tweet_cooldowns": msgspec.to_builtins(COOLDOWN),
}
"""Table -> a value of it, as its agent writes it."""


def documents() -> dict[str, dict[str, Any]]:
    """Return file -> document, as the archive writes it."""
    return {
        "reading": document(READINGS.topic.name, encode(READING)),
        "reading-plain": document(READINGS.topic.name, encode(PLAIN)),
        "gap": document(GAPS.topic.name, encode(GAP)),
        "invalid": document(INVALID.topic.name, encode(INVALID_ONE)),
        "use": document(EVENTS.topic.name, encode(USE)),
        "decision": document(POSTS.topic.name, encode(DECISION)),
        "hour": hour(),
    }


def document(topic: str, message: bytes) -> dict[str, Any]:
    """Return the document of a message."""
    return DESTINATIONS[topic].document(ArchivedMessage(topic, 0, 0, milliseconds(LATER), message))


def hour() -> dict[str, Any]:
    """Return a summarised hour with two minutes."""
    start = milliseconds(NOON) - HOUR
    minutes = [
        Bucket(start, 2, 2, 36.5, 37.0, 73.5, "37"),
        Bucket(start + 5 * MINUTE, 1, 0, None, None, 0.0, "FULL"),
    ]
    this = Hour("NODE3000005", start)
    marked = {"item_id": this.series, "hour": from_milliseconds(start), "marks": 2, "rests_until": NOON}
    return {"_id": this.name, **marked, **summary_of(minutes, LATER)}
