import hashlib
from datetime import UTC, datetime

import msgspec
import pytest

from iss_agents.records import Reading, decode_reading, encode, event_id, new_reading

AT = datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)


def reading(**changes: object) -> Reading:
    return msgspec.structs.replace(
        new_reading("NODE3000005", AT, "37", ingest_ts=AT, source="test", status_class="24"), **changes
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


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'"value":"37"', b'"value":37', r"Expected `str`, got `int` - at `\$\.value`"),
        (b'"value":"37",', b"", "missing required field `value`"),
        (b"2026-08-11T10:27:48Z", b"yesterday", r"Invalid RFC3339.* at `\$\.source_ts`"),
        (b'"source":"test"', b'"source":"mir"', r"Invalid enum value 'mir' - at `\$\.source`"),
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


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="need a time zone"):
        decode_reading(encode(reading()).replace(b"10:27:48Z", b"10:27:48"))
