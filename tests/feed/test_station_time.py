"""No reading is filed under a wrong year, whatever the station's clock and ours say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from iss_agents.feed.decode import FIELDS, Update
from iss_agents.feed.station_time import StationTime
from iss_agents.telemetry.catalog import SIGNAL_ITEM, YEAR_ITEM
from iss_agents.telemetry.records import Reading, new_reading
from iss_agents.telemetry.station_clock import (
    MAX_AHEAD,
    ClockError,
    ClocksDisagreeError,
    station_hours,
)

ITEM = "NODE3000005"
DAY = timedelta(days=1)
LATE = timedelta(seconds=6)
"""The station's usual delay."""

OLDEST_LIVE = timedelta(hours=1)
"""A live update is minutes old."""

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=9 * 365)).map(lambda since: FIRST + since)
"""Two leap years and every New Year between them."""

ages = st.timedeltas(timedelta(0), timedelta(days=4 * 366))
errors = st.timedeltas(timedelta(days=-3 * 366), timedelta(days=3 * 366))
"""By how much our clock may be wrong."""


def whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def sent(
    item: str, measured: datetime, ours: datetime, *, value: str = "37", snapshot: bool = False
) -> tuple[Update, float]:
    """An update of an item measured at `measured`, as it comes in at `ours` by our clock."""
    fields = dict.fromkeys(FIELDS) | {"TimeStamp": repr(station_hours(measured)), "Value": value}
    return Update(item, fields, snapshot=snapshot, session=1, arrival=ours), station_hours(measured)


def told(
    station: StationTime, now: datetime, ours: datetime, *, year: bool = True, snapshot: bool = False
) -> None:
    """Let the station's clock be heard, as it is at `now`."""
    for item, value in ((SIGNAL_ITEM, "0"), (YEAR_ITEM, str(now.year)))[: 1 + year]:
        filed(station, *sent(item, now, ours, value=value, snapshot=snapshot))


def filed(station: StationTime, update: Update, hours: float) -> datetime | None:
    """Return the time under which an update is filed, None if it is refused."""
    try:
        return station.time_of(update, hours)
    except ClockError:
        return None


def known(measured: datetime, value: str = "37") -> dict[str, Reading]:
    return {ITEM: new_reading(ITEM, measured, value, ingest_ts=measured, source="isslive")}


@given(now=moments, age=ages, live=st.booleans())
def test_a_known_value_keeps_its_year_however_often_and_late_it_is_sent_again(
    *, now: datetime, age: timedelta, live: bool
) -> None:
    measured = whole(now - age)
    station = StationTime(known(measured))
    told(station, now - LATE, now, snapshot=True)

    assert filed(station, *sent(ITEM, measured, now, snapshot=not live)) == measured


@given(moments, st.timedeltas(timedelta(0), 180 * DAY))
def test_right_clocks_file_every_live_update_when_it_was_measured(now: datetime, age: timedelta) -> None:
    station = StationTime({})
    told(station, now - LATE, now)

    assert station.disagreement == ""
    assert filed(station, *sent(ITEM, whole(now - LATE - age), now)) == whole(now - LATE - age)


@given(moments, st.timedeltas(timedelta(0), 363 * DAY))
def test_right_clocks_file_what_the_server_remembers_of_a_year(now: datetime, age: timedelta) -> None:
    station = StationTime({})
    told(station, now - LATE, now, snapshot=True)
    measured = whole(now - LATE - age)

    assert filed(station, *sent(ITEM, measured, now, snapshot=True)) == measured


@given(now=moments, error=errors, age=st.timedeltas(timedelta(0), 30 * DAY), snapshot=st.booleans())
@example(
    now=datetime(2026, 11, 29, 12, tzinfo=UTC),
    error=timedelta(days=-1, minutes=-6),
    age=timedelta(0),
    snapshot=False,
)
@example(
    now=datetime(2026, 11, 29, 12, tzinfo=UTC), error=timedelta(days=-300), age=timedelta(0), snapshot=True
)
@example(
    now=datetime(2026, 11, 29, 12, tzinfo=UTC), error=timedelta(days=365), age=timedelta(0), snapshot=False
)
@example(
    now=datetime(2027, 1, 1, 0, 5, tzinfo=UTC), error=timedelta(minutes=-10), age=timedelta(0), snapshot=False
)
@example(now=datetime(2028, 2, 29, 12, tzinfo=UTC), error=timedelta(days=-366), age=timedelta(0), snapshot=True)
@example(
    now=datetime(2024, 12, 31, 0, 0, 6, tzinfo=UTC),
    error=timedelta(days=-183),
    age=timedelta(0),
    snapshot=False,
)
@example(
    now=datetime(2024, 12, 31, 0, 0, 6, tzinfo=UTC),
    error=timedelta(days=-183),
    age=timedelta(microseconds=1),
    snapshot=False,
)
@example(
    now=datetime(2024, 1, 1, 0, 0, 16, tzinfo=UTC),
    error=timedelta(days=365),
    age=timedelta(seconds=10, microseconds=1),
    snapshot=False,
)
def test_however_wrong_our_clock_is_what_is_filed_is_filed_when_it_was_measured(
    *, now: datetime, error: timedelta, age: timedelta, snapshot: bool
) -> None:
    # For some seconds a year that is late cannot be told from a clock that is a year ahead.
    assume(len({(now - LATE + timedelta(seconds=slack)).year for slack in (-10, 10)}) == 1)
    age = age if snapshot else min(age, OLDEST_LIVE)
    station, ours, measured = StationTime({}), now + error, whole(now - LATE - age)
    told(station, now - LATE, ours, snapshot=snapshot)

    assert filed(station, *sent(ITEM, measured, ours, snapshot=snapshot)) in {measured, None}


@given(now=moments, error=errors, snapshot=st.booleans())
def test_clocks_that_differ_by_more_than_five_minutes_ahead_or_by_a_year_are_said(
    *, now: datetime, error: timedelta, snapshot: bool
) -> None:
    station = StationTime({})
    told(station, now, now + error, snapshot=snapshot)
    # Up to half a leap year, the right year is the nearest one.
    a_year_off = abs(error) > 183 * DAY and (now + error).year != now.year
    right = -MAX_AHEAD <= error <= MAX_AHEAD

    assert not (right and station.disagreement)
    assert station.disagreement or not (error < -MAX_AHEAD or a_year_off)


@given(moments, st.timedeltas(timedelta(0), 180 * DAY))
def test_a_clock_of_ours_that_is_ahead_loses_nothing_while_the_year_is_known(
    now: datetime, error: timedelta
) -> None:
    station, measured = StationTime({}), whole(now - LATE)
    told(station, measured, now + error)

    assert filed(station, *sent(ITEM, measured, now + error)) == measured


def test_a_station_without_its_year_is_believed_for_a_day() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    for late, believed in ((DAY - MAX_AHEAD, True), (DAY + MAX_AHEAD, False)):
        station = StationTime({})
        told(station, now - late, now, year=False)

        assert (station.disagreement == "") == believed
        assert (filed(station, *sent(ITEM, now - late, now)) == now - late) == believed


@pytest.mark.parametrize("value", ["0", "0.0", "", "1969", "9999", "nan", "next"])
def test_a_year_that_cannot_be_is_not_believed(value: str) -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    station = StationTime({})
    told(station, now, now)
    filed(station, *sent(YEAR_ITEM, now, now, value=value))

    assert station.disagreement == ""


@pytest.mark.parametrize("seconds", [0, 1, 9])
@pytest.mark.parametrize("late", [LATE, timedelta(0), -LATE])
def test_at_new_year_the_year_of_the_stations_clock_may_follow_its_hours(seconds: int, late: timedelta) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    station = StationTime({})
    told(station, now - timedelta(minutes=1), now - timedelta(minutes=1))
    filed(station, *sent(SIGNAL_ITEM, now, now + late))

    assert station.disagreement == ""
    assert filed(station, *sent(ITEM, now, now + late)) == now


@pytest.mark.parametrize("seconds", [1, 9])
def test_at_new_year_the_hours_of_the_stations_clock_may_follow_its_year(seconds: int) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC) - timedelta(seconds=seconds)
    station = StationTime({})
    told(station, now, now)
    filed(station, *sent(YEAR_ITEM, now, now, value="2027"))

    assert station.disagreement == ""
    assert filed(station, *sent(ITEM, now, now)) == now


def test_a_year_that_stays_behind_is_said() -> None:
    now = datetime(2027, 1, 1, 0, 1, tzinfo=UTC)
    station = StationTime({})
    told(station, now - timedelta(minutes=2), now - timedelta(minutes=2))
    filed(station, *sent(SIGNAL_ITEM, now, now))

    assert station.disagreement.startswith("The station's year is 2026 and this machine's clock makes it 2027;")


@given(st.integers(0, 20 * 86_400_000), st.sampled_from([2026, 2027]))
def test_hours_that_run_on_past_the_end_of_the_year_are_of_the_next(milliseconds: int, year: int) -> None:
    after = timedelta(milliseconds=milliseconds)
    now = datetime(2027, 1, 1, tzinfo=UTC) + after
    hours = station_hours(datetime(2026, 12, 31, tzinfo=UTC)) + 24 + after / timedelta(hours=1)
    station = StationTime({})
    for item, value in ((SIGNAL_ITEM, "0"), (YEAR_ITEM, str(year)), (ITEM, "37")):
        update, _ = sent(item, now, now, value=value)
        time = filed(station, update, hours)

    assert (time, station.disagreement) == (now, "")
    station.remember(new_reading(ITEM, now, "37", ingest_ts=now, source="isslive"))
    later = now + 300 * DAY
    told(station, later, later)
    update, _ = sent(ITEM, now, later, snapshot=True)
    assert filed(station, update, hours) == now


def test_a_value_unchanged_for_a_year_that_nobody_knows_is_not_guessed_while_that_can_be_seen() -> None:
    measured = datetime(2025, 11, 29, 20, tzinfo=UTC)
    for now, expected in (
        (datetime(2026, 11, 28, 19, tzinfo=UTC), measured),
        (datetime(2026, 11, 28, 21, tzinfo=UTC), None),
        (datetime(2026, 11, 29, 19, tzinfo=UTC), None),
    ):
        station = StationTime({})
        told(station, now - LATE, now, snapshot=True)
        assert filed(station, *sent(ITEM, measured, now, snapshot=True)) == expected


def test_nothing_that_a_server_remembers_was_measured_after_its_clock() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    frozen = now - timedelta(days=6)
    station = StationTime({})
    told(station, frozen, now, snapshot=True)

    assert station.disagreement == ""
    assert filed(station, *sent(ITEM, frozen - DAY, now, snapshot=True)) == frozen - DAY
    # A year ago the broadcast was not frozen: of this year it cannot be, and a right guess is not certain.
    assert filed(station, *sent(ITEM, now - DAY, now, snapshot=True)) is None


def test_clocks_that_agree_again_ask_for_a_snapshot_if_something_was_refused() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    station = StationTime({})
    told(station, now, now - 3 * DAY)
    assert "2026-11-29T12:00:00.000Z" in station.disagreement
    assert "2026-11-26T12:00:00.000Z" in station.disagreement
    with pytest.raises(ClocksDisagreeError):
        station.time_of(*sent(ITEM, now, now - 3 * DAY))
    assert not station.needs_snapshot

    told(station, now, now)
    assert (station.disagreement, station.needs_snapshot) == ("", True)


def test_one_tick_that_is_ahead_costs_no_other_live_update() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    station = StationTime({})
    told(station, now, now)
    told(station, now + timedelta(hours=1), now)

    assert filed(station, *sent(ITEM, now, now)) == now


def test_a_time_stamp_of_leap_day_keeps_its_year_in_years_without_one() -> None:
    measured = datetime(2028, 2, 29, 10, tzinfo=UTC)
    station = StationTime(known(measured))
    for day in ((2029, 2, 28), (2029, 3, 1), (2029, 3, 2), (2032, 3, 1)):
        now = datetime(*day, 12, tzinfo=UTC)
        told(station, now - LATE, now, snapshot=True)
        assert filed(station, *sent(ITEM, measured, now, snapshot=True)) == measured
        assert filed(station, *sent(ITEM, measured, now, value="38", snapshot=True)) != measured
