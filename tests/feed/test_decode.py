import json

import pytest

from iss_agents.feed.decode import InvalidUpdate, invalid_record, reading_from_update
from iss_agents.feed.update import FIELDS, Update
from iss_agents.records import new_reading
from iss_agents.station_clock import station_hours
from tests.feed.factory import NOW, after, fields, update


def test_an_update_becomes_a_reading_with_every_field_as_sent() -> None:
    sent = update(Value="2.00", StatusIndicator="i", StatusColor="%23ff0000", CalibratedData="NORMAL")

    assert reading_from_update(sent, "isslive") == new_reading(
        "NODE3000005",
        NOW,
        "2.00",
        ingest_ts=after(6),
        source="isslive",
        status_class="24",
        status_indicator="i",
        status_color="#ff0000",
        calibrated_data="NORMAL",
        snapshot=False,
        session=1,
    )


def test_snapshot_and_session_are_kept() -> None:
    sent = Update("NODE3000005", fields(), snapshot=True, session=7, arrival=after(6))

    reading = reading_from_update(sent, "simulated")

    assert reading is not None
    assert (reading.snapshot, reading.session, reading.source) == (True, 7, "simulated")


@pytest.mark.parametrize("hours", [None, "", "0", "0.0", "-12.5"])
def test_an_item_without_a_time_stamp_was_never_measured(hours: str | None) -> None:
    assert reading_from_update(update(TimeStamp=hours), "isslive") is None


AN_HOUR_AHEAD = repr(station_hours(after(3606)))

MALFORMED = {
    "no such item": (
        update("NODE3999999"),
        "unknown_item",
        "item 'NODE3999999' is not one of the catalogue's",
    ),
    "words for a time": (
        update(TimeStamp="noon"),
        "time_stamp",
        "TimeStamp 'noon' is not a number; decimal hours are expected",
    ),
    "no number for a time": (
        update(TimeStamp="nan"),
        "time_stamp",
        "TimeStamp 'nan' is not a number; decimal hours are expected",
    ),
    "an endless time": (
        update(TimeStamp="inf"),
        "time_stamp",
        "TimeStamp 'inf' is not a number; decimal hours are expected",
    ),
    "a time beyond any calendar": (
        update(TimeStamp="1e300"),
        "clock",
        "TimeStamp 1e+300 is not a number of hours in a year",
    ),
    "a time an hour ahead": (
        update(TimeStamp=AN_HOUR_AHEAD),
        "clock",
        f"TimeStamp {AN_HOUR_AHEAD} is 1:00:00 ahead of the wall clock; at most 0:05:00 is expected",
    ),
    "a null value": (
        update(Value=None),
        "no_value",
        "Value is None though there is a TimeStamp; a value is expected",
    ),
    "an empty value": (
        update(Value=""),
        "no_value",
        "Value is '' though there is a TimeStamp; a value is expected",
    ),
    "an endless value": (
        update(Value="9" * 1001),
        "too_long",
        f"Value {'9' * 40!r}... has 1001 characters; at most 1000 are expected",
    ),
    "an endless label": (
        update(CalibratedData="x" * 2000),
        "too_long",
        f"CalibratedData {'x' * 40!r}... has 2000 characters; at most 1000 are expected",
    ),
    "an endless time stamp": (
        update(TimeStamp="1" * 5000),
        "too_long",
        f"TimeStamp {'1' * 40!r}... has 5000 characters; at most 1000 are expected",
    ),
}


@pytest.mark.parametrize(("sent", "reason", "error"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_update_is_refused_with_reason_field_value_and_expectation(
    sent: Update, reason: str, error: str
) -> None:
    with pytest.raises(InvalidUpdate) as refused:
        reading_from_update(sent, "isslive")

    assert (refused.value.reason, str(refused.value)) == (reason, error)


def test_a_time_four_minutes_ahead_is_a_reading() -> None:
    assert reading_from_update(update(TimeStamp=repr(station_hours(after(240)))), "isslive")


def test_a_value_that_is_no_number_is_a_reading() -> None:
    reading = reading_from_update(update(Value="OFF"), "isslive")

    assert reading is not None
    assert reading.value == "OFF"


def test_an_invalid_record_holds_the_update_as_it_came() -> None:
    sent = update(Value=None)
    record = invalid_record(sent, InvalidUpdate("no_value", "Value is None"), "isslive")

    assert (record.stage, record.reason, record.error) == ("feed", "no_value", "Value is None")
    assert (record.item_id, record.seen_at, record.source) == ("NODE3000005", after(6), "isslive")
    assert json.loads(record.payload) == {
        "item_id": "NODE3000005",
        "fields": {name: sent.fields[name] for name in FIELDS},
        "snapshot": False,
        "session": 1,
        "arrival": "2026-08-11T16:44:51Z",
    }


def test_two_updates_give_two_invalid_records() -> None:
    invalid = InvalidUpdate("no_value", "Value is None")
    one = update(Value=None)
    later = one._replace(arrival=after(7))

    ids = [invalid_record(each, invalid, "isslive").invalid_id for each in (one, one, later)]

    assert ids[0] == ids[1] != ids[2]
