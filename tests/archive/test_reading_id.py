from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest

from iss_agents.archive.reading_id import (
    IDENTIFYING,
    computed_event_id,
    event_id_of,
    order_of,
    reading_id,
    time_of,
)
from iss_agents.telemetry.records import LATEST_SEQUENCE, Reading, new_reading
from iss_agents.telemetry.station_clock import from_milliseconds

NOON = datetime(2026, 8, 11, 12, tzinfo=UTC)
HASH = "d88addf4d13bd91c723b6f6072ab72f2e53afff91e3678bcaf900dfb8258baa2"


def reading(**changes: Any) -> Reading:
    known: dict[str, Any] = {"ingest_ts": NOON, "source": "isslive", "status_class": "24", **changes}
    return new_reading(known.pop("item_id", "NODE3000005"), known.pop("source_ts", NOON), "37.5", **known)


def stored(reading: Reading, **fields: Any) -> dict[str, Any]:
    """A document as MongoDB returns it."""
    known = {name: getattr(reading, name) for name in (*IDENTIFYING[2:], "source_ts")}
    there = {name: value for name, value in known.items() if value is not None}
    document = {"_id": reading_id(reading.source_ts, reading.event_id), **there, **fields}
    return bson.decode(bson.encode(document))


def test_an_id_is_the_time_and_the_beginning_of_the_hash() -> None:
    assert reading_id(from_milliseconds(0x0102_0304_0506), HASH) == bytes.fromhex(f"010203040506{HASH[:20]}")


@pytest.mark.parametrize("time", [0, 1, 1786449600123, LATEST_SEQUENCE - 1])
def test_the_time_is_that_of_the_station(time: int) -> None:
    assert time_of(reading_id(from_milliseconds(time), HASH)) == from_milliseconds(time)


def test_ids_are_in_the_order_of_time_and_then_of_event_ids() -> None:
    times = [from_milliseconds(time) for time in (255, 256, 65_535, 1786449600000, LATEST_SEQUENCE - 1)]
    names = ["0" * 64, f"{'0' * 19}1{'0' * 44}", HASH, "f" * 64]
    in_order = [reading_id(time, name) for time in times for name in names]

    assert in_order == sorted(in_order)
    assert {len(identity) for identity in in_order} == {16}


def test_a_foreign_id_that_is_no_hash_has_a_place_of_its_own() -> None:
    names = ["", "17", HASH[:-1], HASH.upper(), f"{HASH}\n", f"{HASH[:20]} {HASH[21:]}", "ü" * 1000, HASH]

    ids = [reading_id(NOON, name) for name in names]

    assert len(set(ids)) == len(names)
    assert {time_of(identity) for identity in ids} == {NOON}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"source": "test"},
        {"source": "simulated", "status_class": None},
        {"status_indicator": "A", "status_color": "", "calibrated_data": "37,5 %"},
        {"item_id": "NEÜ|1"},
        {"source_ts": NOON + timedelta(microseconds=37_999)},
        {"source_ts": datetime(1970, 1, 1, tzinfo=UTC)},
    ],
)
def test_the_event_id_follows_from_a_stored_document(fields: dict[str, Any]) -> None:
    one = reading(**fields)

    assert event_id_of(stored(one)) == one.event_id
    assert computed_event_id(stored(one), one.source_ts) == one.event_id


def test_a_document_of_an_earlier_version_has_it_as_its_id_and_an_unusual_one_beside_its_id() -> None:
    assert event_id_of({"_id": HASH}) == HASH
    assert event_id_of(stored(reading(), event_id="17")) == "17"


def test_a_document_edited_by_hand_has_an_event_id_too() -> None:
    identity = reading_id(NOON, HASH)

    found = {event_id_of({"_id": identity, **edited}) for edited in ({}, {"value": 3}, {"status_class": 24})}

    assert len(found) == 3
    assert event_id_of({"_id": 7}) == "7"


def test_readings_of_one_instant_have_the_same_order_in_both_forms() -> None:
    names = [f"{number:064x}" for number in (0, 1, 15 << 240, 1 << 255, (1 << 256) - 1)] + [HASH]
    distinct = [name for name in names if name != f"{1:064x}"]  # it differs only after the first 20 digits

    for name in distinct:
        for other in distinct:
            assert name == other or (order_of(name) < order_of(reading_id(NOON, other))) == (name < other)
            assert name == other or (order_of(reading_id(NOON, name)) < order_of(other)) == (name < other)
