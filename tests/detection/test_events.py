import hashlib

from iss_agents.detection.events import (
    ConfidenceParts,
    Event,
    UnobservedRise,
    Urination,
    decode_event,
    event_id,
)
from iss_agents.telemetry.records import encode
from tests.detection.factory import after

USE = Urination(
    schema_version=1,
    event_id="id",
    start=after(0),
    end=after(30),
    detected_at=after(75),
    level_before=37.0,
    level_after=43.5,
    delta_percent=6.5,
    confidence=0.95,
    confidence_parts=ConfidenceParts(size=1.0, steadiness=1.0, pace=1.0, evidence=0.8),
    processor_running=False,
    readings=5,
    source="isslive",
)
RISE = UnobservedRise(
    schema_version=1,
    event_id="id",
    start=after(0),
    end=after(300),
    detected_at=after(320),
    level_before=20.0,
    level_after=27.0,
    delta_percent=7.0,
    processor_running=True,
    readings=1,
    source="simulated",
)


def test_event_id_hashes_exactly_these_bytes() -> None:
    hashed = b"use|NODE3000005|2026-08-11T10:00:00.000Z|2026-08-11T10:00:33.000Z|37.0|43.5|isslive|1"

    named = event_id("use", after(0), after(33), 37.0, 43.5, "isslive")

    assert named == hashlib.sha256(hashed).hexdigest()
    assert named == "4d0387742e2a658d0c5a046b42765850d19ba992b56b60ec958d840b4578c233"


def test_events_survive_their_bytes() -> None:
    events: list[Event] = [USE, RISE]

    assert [decode_event(encode(event)) for event in events] == events


def test_the_kind_stands_in_the_bytes() -> None:
    assert encode(USE).startswith(b'{"kind":"use","schema_version":1,')
    assert encode(RISE).startswith(b'{"kind":"unobserved","schema_version":1,')
