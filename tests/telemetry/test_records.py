import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeGuard, get_args, get_type_hints

import msgspec
import pytest

from iss_agents.announcers import decision
from iss_agents.announcers.decision import Cooldown, Decision, decode_decision
from iss_agents.detection import events
from iss_agents.detection.events import UnobservedRise, Urination, decode_event
from iss_agents.feed.gap_detection import new_gap
from iss_agents.telemetry import records
from iss_agents.telemetry.codec import DecodeError, decode_message
from iss_agents.telemetry.records import (
    Gap,
    Instant,
    Invalid,
    Reading,
    decode_gap,
    decode_invalid,
    decode_reading,
    decoder,
    encode,
    event_id,
    is_acceptable_status,
    new_reading,
)
from tests.factories import urination

AT = datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)


def reading(**changes: object) -> Reading:
    return msgspec.structs.replace(
        new_reading("NODE3000005", AT, "37", ingest_ts=AT, source="simulated", status_class="24"), **changes
    )


def test_event_id_hashes_exactly_these_bytes() -> None:
    hashed = b"NODE3000005|2026-08-11T10:27:48.000Z|37|24||||1"

    assert event_id("NODE3000005", AT, "37", "24") == hashlib.sha256(hashed).hexdigest()
    assert event_id("NODE3000005", AT, "37", "24") == (
        "d88addf4d13bd91c723b6f6072ab72f2e53afff91e3678bcaf900dfb8258baa2"
    )


def test_sequence_is_the_source_time_in_milliseconds() -> None:
    assert reading().sequence == 1786444068000


def test_a_reading_survives_its_bytes() -> None:
    assert decode_reading(encode(reading(snapshot=True, suspect="frozen"))) == reading(
        snapshot=True, suspect="frozen"
    )


def test_how_it_came_does_not_change_the_event_id() -> None:
    again = new_reading(
        "NODE3000005",
        AT,
        "37",
        ingest_ts=datetime(2026, 8, 12, tzinfo=UTC),
        source="isslive",
        status_class="24",
        snapshot=True,
        session=7,
        suspect="frozen",
    )

    assert again.event_id == reading().event_id


def test_a_test_reading_never_has_the_event_id_of_the_feeds() -> None:
    tried = new_reading("NODE3000005", AT, "37", ingest_ts=AT, source="test", status_class="24")

    assert tried.event_id == event_id("NODE3000005", AT, "37", "24", source="test")
    assert tried.event_id != reading().event_id


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'"value":"37"', b'"value":37', r"Expected `str`, got `int` - at `\$\.value`"),
        (b'"value":"37",', b"", "missing required field `value`"),
        (b"2026-08-11T10:27:48Z", b"yesterday", r"Invalid RFC3339.* at `\$\.source_ts`"),
        (b'"source":"simulated"', b'"source":"mir"', r"Invalid enum value 'mir' - at `\$\.source`"),
        (b"{", b"{{", "malformed"),
        (b'"37"', b'"\xff"', "UnicodeDecodeError"),
        (b'"value"', b'"other":' + b"[" * 50_000 + b"]" * 50_000 + b',"value"', "RecursionError"),
        (b'"37"', b'"' + b"x" * 1001 + b'"', r"length <= 1000 - at `\$\.value`"),
        (b'"sequence":1786444068000', b'"sequence":1786444068001', "not source_ts in milliseconds"),
        (b'"sequence":1786444068000', b'"sequence":-1', r"Expected `int` >= 0 - at `\$\.sequence`"),
        (b'"sequence":1786444068000', b'"sequence":1180591620717411303424', "sequence"),
        (b'"source_ts":"2026-08-11T10:27:48Z"', b'"source_ts":"0001-01-01T00:00:00+14:00"', "not source_ts"),
        (b'"ingest_ts":"2026-08-11T10:27:48Z"', b'"ingest_ts":"9999-01-01T00:00:00Z"', "between 1970 and 2100"),
    ],
)
def test_bad_bytes_are_an_error_that_names_the_field(before: bytes, after: bytes, message: str) -> None:
    payload = encode(reading()).replace(before, after, 1)

    with pytest.raises(msgspec.DecodeError, match=message):
        decode_reading(payload)


GAP = new_gap("outage", AT, end=AT, detail="gone", source="test")
INVALID = Invalid(
    schema_version=1, invalid_id="a", stage="feed", reason="wrong", error="it is", payload=b"?", seen_at=AT
)
RISE = UnobservedRise(
    schema_version=1,
    event_id="b2",
    start=AT,
    end=AT,
    detected_at=AT,
    level_before=37,
    level_after=40,
    delta_percent=3,
    processor_running=False,
    readings=2,
    source="test",
)
DECISION = Decision(
    schema_version=1, event_id="a1", decision="stale", decided_at=AT, detected_at=AT, text="Hm", source="test"
)
COOLDOWN = Cooldown(sequence=1, event_id="a1", until=AT)
RECORDS: dict[type[msgspec.Struct], tuple[msgspec.Struct, Callable[[bytes], Any]]] = {
    Reading: (reading(), decode_reading),
    Gap: (GAP, decode_gap),
    Invalid: (INVALID, decode_invalid),
    Urination: (urination(detected_at=AT), decode_event),
    UnobservedRise: (RISE, decode_event),
    Decision: (DECISION, decode_decision),
    Cooldown: (COOLDOWN, decoder(Cooldown)),
}
"""One of every record that has a time, and what decodes it."""

TIMES = [
    (record, field.name)
    for record in RECORDS
    for field in msgspec.structs.fields(record)
    if Instant in (field.type, *get_args(field.type))
]


def test_every_record_with_a_time_is_here_and_has_its_zone_in_the_type() -> None:
    modules = (records, events, decision)
    structs = {each for module in modules for each in vars(module).values() if is_struct(each)}
    hints = {(each, name): hint for each in structs for name, hint in get_type_hints(each).items()}

    assert set(TIMES) == {place for place, hint in hints.items() if "datetime" in str(hint)}


def is_struct(each: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(each, type) and issubclass(each, msgspec.Struct)


@pytest.mark.parametrize(("record", "field"), TIMES)
@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("2026-08-11T10:27:48", "Expected `datetime` with a timezone component"),
        ("2026-08-11", "Invalid RFC3339"),
        ("0001-01-01T00:00:00+14:00", "between 1970 and 2100|not source_ts"),
        ("1969-12-31T23:59:59Z", "between 1970 and 2100|not source_ts"),
        ("2100-01-01T00:00:00Z", "between 1970 and 2100|not source_ts"),
        ("9999-12-31T23:59:59Z", "between 1970 and 2100|not source_ts"),
    ],
)
def test_every_time_of_every_record_needs_a_zone_and_a_plausible_year(
    record: type[msgspec.Struct], field: str, time: str, message: str
) -> None:
    good, decode = RECORDS[record]
    bad = msgspec.json.encode(msgspec.json.decode(encode(good)) | {field: time})

    assert decode(encode(good)) == good
    with pytest.raises(msgspec.DecodeError, match=message):
        decode(bad)


@pytest.mark.parametrize("field", ["session", "schema_version"])
@pytest.mark.parametrize("number", [-1, 1 << 63, 1 << 200])
def test_a_number_that_mongodb_cannot_keep_is_refused(field: str, number: int) -> None:
    bad = msgspec.json.decode(encode(reading())) | {field: 0}
    text = msgspec.json.encode(bad).replace(f'"{field}":0'.encode(), f'"{field}":{number}'.encode())
    message = SimpleNamespace(topic="t", partition=0, offset=0, timestamp=0, value=text, headers=())

    with pytest.raises(DecodeError):
        decode_message(decode_reading, message)


def test_a_gap_does_not_end_before_it_starts() -> None:
    backwards = encode(GAP).replace(b'"start":"2026-', b'"start":"2027-')

    with pytest.raises(msgspec.DecodeError, match=r"end is 2026-08-11T.*, before start, 2027-08-11T"):
        decode_gap(backwards)


@pytest.mark.parametrize(
    ("status_class", "good"),
    [("24", True), ("24.0", True), (None, True), ("", True), ("1", False), ("2 4", False), ("x", False)],
)
def test_a_status_vouches_for_its_value_if_it_is_24_or_was_not_sent(
    status_class: str | None, *, good: bool
) -> None:
    assert is_acceptable_status(status_class) is good
