"""Station clock: conversion of decimal hours without a year to UTC.

The feed counts hours from "day 0" of the current year, so hour 24.0 is 1 January 00:00 UTC (ISSLive demo
client; peter-mount/iss-telemetry). The year has to be inferred: a live update was measured a moment ago, and
nothing in a snapshot was measured after the snapshot's own clock.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MAX_AHEAD = timedelta(minutes=5)
"""How far a measurement may lie in the future before its clock counts as wrong."""

YEAR_SLACK = timedelta(days=1)
"""A time of a snapshot further ahead than this belongs to the previous year (rule of maximvs101/iss-live)."""

HALF_A_YEAR = timedelta(days=182)
"""Within it, the same hours in any other year are farther away."""

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SECONDS = tuple(f":{second:02}" for second in range(60))
FRACTIONS = tuple(f".{fraction:03}Z" for fraction in range(1000))
"""Ends of a time as RFC 3339: to look them up takes half the time of formatting them."""


class ClockError(ValueError):
    """A time stamp that the station's clock cannot have sent. `reason` is a label for counting."""

    reason = "clock"


class ClocksDisagreeError(ClockError):
    """A time stamp whose year is uncertain, because the station's clock and this machine's disagree."""

    reason = "clocks_disagree"


def source_time(hours: float, arrival: datetime, *, snapshot: bool = False) -> datetime:
    """Return the UTC time, in whole milliseconds, of an update's time stamp, derived from its arrival alone.

    Raises:
        ClockError: it lies more than `MAX_AHEAD` after `arrival`, its year is uncertain, or it is not a date.
    """
    return remembered_time(hours, arrival, arrival) if snapshot else live_time(hours, arrival)


def live_time(hours: float, now: datetime) -> datetime:
    """Return the UTC time of a live update's time stamp: the one nearest to `now`.

    Raises:
        ClockError: it lies more than `MAX_AHEAD` after `now`, or is not a date.
    """
    return _not_after(nearest_time(hours, now), now, hours, "the wall clock")


def remembered_time(hours: float, now: datetime, newest: datetime) -> datetime:
    """Return the UTC time of a snapshot's time stamp: the latest one that is not after `now`.

    `newest` is the time of the newest measurement in the snapshot by its own clock. A time between that and a
    day after `now` is either last year's or that of a wrong clock; which one is unknown.

    Raises:
        ClockError: the year is uncertain, or it is not a date.
    """
    years = (now.year + 1, now.year, now.year - 1)
    times = (in_year(hours, year) for year in years)
    instant = next((time for time in times if time <= now + YEAR_SLACK), in_year(hours, now.year - 1))
    return _not_after(instant, newest, hours, "the newest measurement")


def nearest_time(hours: float, now: datetime) -> datetime:
    """Return the UTC time of a time stamp in the year in which it is nearest to `now`.

    Hours may continue past the end of their year (feed.md), but those of a leap year's last day are not taken
    for those of a 1 January that is over.
    """
    this_year = in_year(hours, now.year)
    if this_year.year == now.year and abs(this_year - now) < HALF_A_YEAR:
        return this_year
    times = {year: in_year(hours, year) for year in (now.year - 1, now.year, now.year + 1)}
    possible = [time for year, time in times.items() if time.year == year or time >= now - YEAR_SLACK]
    return min(possible or times.values(), key=lambda time: abs(time - now))


def _not_after(instant: datetime, newest: datetime, hours: float, what: str) -> datetime:
    if instant <= newest + MAX_AHEAD:
        return instant
    raise ClockError(
        f"TimeStamp {hours!r} is {instant - newest} ahead of {what}; at most {MAX_AHEAD} is expected"
    )


def in_year(hours: float, year: int) -> datetime:
    """Return the UTC time of `hours` counted in `year`, rounded to the millisecond (float noise, feed.md)."""
    try:
        since_new_year = timedelta(milliseconds=round((hours - 24) * 3_600_000))
        return datetime(year, 1, 1, tzinfo=UTC) + since_new_year
    except (OverflowError, ValueError) as error:
        raise ClockError(f"TimeStamp {hours!r} is not a number of hours in a year") from error


def station_hours(instant: datetime) -> float:
    """Return the feed's time stamp (decimal hours) of a UTC time: the inverse of `in_year`."""
    return (instant - datetime(instant.year, 1, 1, tzinfo=UTC)) / timedelta(hours=1) + 24


def milliseconds(instant: datetime) -> int:
    """Return whole milliseconds since 1970 UTC."""
    return (instant - EPOCH) // MILLISECOND


def ceiling(instant: datetime) -> datetime:
    """Return the first whole millisecond that is not before `instant`.

    MongoDB truncates to milliseconds, so that a span would begin and end before its bounds.
    """
    return from_milliseconds(milliseconds(instant + MILLISECOND - timedelta(microseconds=1)))


def from_milliseconds(count: int) -> datetime:
    """Return the UTC time `count` milliseconds after 1970."""
    return EPOCH + count * MILLISECOND


def rfc3339(instant: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds, for example `2026-08-11T10:27:48.000Z`."""
    return rfc3339_of(milliseconds(instant))


def rfc3339_of(count: int) -> str:
    """Return the same of the time `count` milliseconds after 1970."""
    second, fraction = divmod(count, 1000)
    return f"{_minute(second // 60)}{SECONDS[second % 60]}{FRACTIONS[fraction]}"


@lru_cache(maxsize=1024)
def _minute(count: int) -> str:
    # Every reading needs its text for the event_id, and those of a batch lie in a few minutes.
    return from_milliseconds(count * 60_000).replace(tzinfo=None).isoformat(timespec="minutes")
