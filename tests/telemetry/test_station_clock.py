from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from iss_agents.telemetry.station_clock import (
    EPOCH,
    ClockError,
    in_year,
    nearest_time,
    rfc3339,
    source_time,
    station_hours,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_hour_24_is_the_first_of_january() -> None:
    assert in_year(24.0, 2026) == utc(2026, 1, 1)


def test_oft2_recording_falls_on_its_docking() -> None:
    assert in_year(3374, 2022) == utc(2022, 5, 20, 14)
    assert in_year(3388, 2022) == utc(2022, 5, 21, 4)


def test_htv_recording_falls_on_day_270() -> None:
    assert in_year(6488, 2018).timetuple().tm_yday == 270
    assert in_year(6494, 2018).timetuple().tm_yday == 270


def test_hours_and_the_milliseconds_of_the_clock_item_agree() -> None:
    assert round(5354.463333 * 3_600_000 / 1000) == 19276068
    assert in_year(19276068000 / 3_600_000, 2026) == utc(2026, 8, 11, 2, 27, 48)
    assert abs(in_year(5354.463333, 2026) - utc(2026, 8, 11, 2, 27, 48)) <= timedelta(milliseconds=1)


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026])
def test_the_last_day_of_a_year_needs_no_leap_rule(year: int) -> None:
    last = utc(year, 12, 31, 23, 59, 59)
    assert source_time(station_hours(last), last) == last


def test_old_year_still_on_the_station_after_midnight_here() -> None:
    assert source_time(station_hours(utc(2026, 12, 31, 23, 59, 57)), utc(2027, 1, 1, 0, 0, 3)) == utc(
        2026, 12, 31, 23, 59, 57
    )


def test_new_year_already_on_the_station_before_midnight_here() -> None:
    assert source_time(24.0 + 1 / 3600, utc(2026, 12, 31, 23, 59, 58)) == utc(2027, 1, 1, 0, 0, 1)


def test_a_counter_that_runs_on_past_the_end_of_the_year() -> None:
    hours = 366 * 24 + 1.0
    assert source_time(hours, utc(2027, 1, 1, 1, 30)) == utc(2027, 1, 1, 1)


def test_a_value_from_last_year_keeps_its_year() -> None:
    assert source_time(station_hours(utc(2025, 12, 3)), utc(2026, 2, 1)) == utc(2025, 12, 3)


@given(integers(0, 3 * 366 * 86_400), floats(-100, 3 * 366 * 24))
def test_the_nearest_of_three_years_is_taken(second: int, hours: float) -> None:
    now = utc(2023, 1, 1) + timedelta(seconds=second)
    years = (now.year - 1, now.year, now.year + 1)
    # Hours that run on past the end of their year are not those of a day that is over.
    possible = [
        time for year in years if (time := in_year(hours, year)).year == year or time >= now - timedelta(days=1)
    ]
    every = possible or [in_year(hours, year) for year in years]

    assert nearest_time(hours, now) == min(every, key=lambda time: abs(time - now))


def test_more_than_five_minutes_ahead_is_an_error_that_names_the_value() -> None:
    now = utc(2026, 6, 1)
    assert source_time(station_hours(now + timedelta(minutes=5)), now) == now + timedelta(minutes=5)
    with pytest.raises(ClockError, match=r"TimeStamp 3648\.1.* is 0:06:00 ahead of the wall clock"):
        source_time(station_hours(now + timedelta(minutes=6)), now)


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), 1e300, -1e300])
def test_what_is_no_number_of_hours_is_an_error(hours: float) -> None:
    with pytest.raises(ClockError, match="is not a number of hours"):
        source_time(hours, utc(2026, 6, 1))


def test_float_noise_is_rounded_to_the_millisecond() -> None:
    assert rfc3339(in_year(5354.456862777736, 2026)) == "2026-08-11T02:27:24.706Z"


@given(integers(-60 * 10**15, 250 * 10**15), integers(-720, 840))
def test_a_time_of_any_zone_is_text_in_utc_with_milliseconds(microseconds: int, minutes: int) -> None:
    instant = EPOCH + timedelta(microseconds=microseconds)
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))

    assert rfc3339(local) == instant.isoformat(timespec="milliseconds")[:-6] + "Z"
