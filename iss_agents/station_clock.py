"""The station's clock: decimal hours without a year, and how they become UTC.

The feed counts hours from "day 0" of the current year, so hour 24.0 is 1 January 00:00 UTC. The year
is missing and has to be inferred from the wall clock (ISSLive demo client; peter-mount/iss-telemetry).
"""

from datetime import UTC, datetime, timedelta

MAX_AHEAD = timedelta(minutes=5)
"""How far a measurement may lie in the future before it is taken for a broken clock."""

YEAR_SLACK = timedelta(days=1)
"""A time further ahead than this belongs to the year before (rule of maximvs101/iss-live)."""

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockError(ValueError):
    """A time stamp that no clock of the station can have sent."""


def source_time(hours: float, now: datetime) -> datetime:
    """Return the UTC time, in whole milliseconds, of a feed time stamp seen at `now`.

    Raises:
        ClockError: the time lies more than `MAX_AHEAD` after `now`, whatever the year, or is no date.
    """
    rolled_over = in_year(hours, now.year + 1)
    if rolled_over <= now + MAX_AHEAD:
        return rolled_over
    instant = in_year(hours, now.year)
    if instant > now + YEAR_SLACK:
        instant = in_year(hours, now.year - 1)
    if instant > now + MAX_AHEAD:
        raise ClockError(
            f"TimeStamp {hours!r} is {instant - now} ahead of the wall clock; at most {MAX_AHEAD} is expected"
        )
    return instant


def in_year(hours: float, year: int) -> datetime:
    """Return the UTC time of `hours` counted in `year`, rounded to the millisecond (float noise, feed.md)."""
    try:
        since_new_year = timedelta(milliseconds=round((hours - 24) * 3_600_000))
        return datetime(year, 1, 1, tzinfo=UTC) + since_new_year
    except (OverflowError, ValueError) as error:
        raise ClockError(f"TimeStamp {hours!r} is not a number of hours in a year") from error


def station_hours(instant: datetime) -> float:
    """Return the feed's time stamp (decimal hours) of a UTC time: the inverse of `source_time`."""
    return (instant - datetime(instant.year, 1, 1, tzinfo=UTC)) / timedelta(hours=1) + 24


def milliseconds(instant: datetime) -> int:
    """Return whole milliseconds since 1970 UTC."""
    return (instant - EPOCH) // MILLISECOND


def ceiling(instant: datetime) -> datetime:
    """Return the first whole millisecond that is not before `instant`.

    MongoDB cuts off microseconds, so that a span would begin and end before its bounds.
    """
    return from_milliseconds(milliseconds(instant + MILLISECOND - timedelta(microseconds=1)))


def from_milliseconds(count: int) -> datetime:
    """Return the UTC time `count` milliseconds after 1970."""
    return EPOCH + count * MILLISECOND


def rfc3339(instant: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds, for example `2026-08-11T10:27:48.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
