import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.feed.dead_letters import invalid_update
from iss_agents.feed.decode import FIELDS, InvalidUpdateError, Update, reading_from_update
from iss_agents.telemetry.catalog import as_number
from iss_agents.telemetry.records import Reading, new_reading
from iss_agents.telemetry.station_clock import station_hours
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
        "item 'NODE3999999' is not in the catalogue",
    ),
    "words for a time": (
        update(TimeStamp="noon"),
        "time_stamp",
        "TimeStamp 'noon' is not a number; decimal hours are expected",
    ),
    "no number for a time": (
        update(TimeStamp="7_000"),
        "time_stamp",
        "TimeStamp '7_000' is not a number; decimal hours are expected",
    ),
    "a time that is not a number": (
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


REASONS = {reason for _, reason, _ in MALFORMED.values()}


@pytest.mark.parametrize(("sent", "reason", "error"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_update_is_refused_with_reason_field_value_and_expectation(
    sent: Update, reason: str, error: str
) -> None:
    with pytest.raises(InvalidUpdateError) as refused:
        reading_from_update(sent, "isslive")

    assert (refused.value.reason, str(refused.value)) == (reason, error)


HOSTILE = st.one_of(st.none(), st.text(st.characters(codec=None), max_size=20))


@settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, st.one_of(st.just("NODE3000005"), st.text()))
def test_the_reason_is_a_word_of_ours_whatever_is_sent(
    time: str | None, value: str | None, status: str | None, item: str
) -> None:
    taken = outcome(update(item, TimeStamp=time, Value=value, StatusClass=status))

    if isinstance(taken, str):
        assert taken in REASONS, "it is a label of a metric"
    elif taken is None:
        assert was_never_measured(time)
    else:
        assert (taken.item_id, taken.value, taken.status_class) == (item, value, status)


def outcome(sent: Update) -> Reading | str | None:
    """Return the reading, if there is one, or the reason for its refusal."""
    try:
        return reading_from_update(sent, "isslive")
    except InvalidUpdateError as refused:
        return refused.reason


def was_never_measured(time: str | None) -> bool:
    """Whether the feed says so: by no time, or by one that is not above 0."""
    return not time or (as_number(time) or 0) <= 0


def test_a_time_four_minutes_ahead_is_a_reading() -> None:
    assert reading_from_update(update(TimeStamp=repr(station_hours(after(240)))), "isslive")


def test_a_value_that_is_no_number_is_a_reading() -> None:
    reading = reading_from_update(update(Value="OFF"), "isslive")

    assert reading is not None
    assert reading.value == "OFF"


def test_an_invalid_record_holds_the_update_as_it_came() -> None:
    sent = update(Value=None)
    record = invalid_update(sent, InvalidUpdateError("no_value", "Value is None"), "isslive")

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
    invalid = InvalidUpdateError("no_value", "Value is None")
    one = update(Value=None)
    later = one._replace(arrival=after(7))

    ids = [invalid_update(each, invalid, "isslive").invalid_id for each in (one, one, later)]

    assert ids[0] == ids[1] != ids[2]
