"""Time expressions of users, on the command line and in URLs."""

import re
from datetime import UTC, datetime, timedelta

from iss_agents.errors import UserError
from iss_agents.telemetry.records import LATEST_SEQUENCE
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
END = from_milliseconds(LATEST_SEQUENCE)

RELATIVE = re.compile(r"now|(?:now)?-((?:[0-9]{1,6}[smhdw]){1,5})")
"""`now`, or before now: -90s, -1h30m, now-1h."""

PARTS = re.compile(r"([0-9]+)([smhdw])")
EPOCH_TIME = re.compile(r"[0-9]{9,10}|[0-9]{12,13}")
"""Seconds or milliseconds since 1970, distinguished by the number of digits."""

MOST_DIGITS_OF_SECONDS = 10

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

FORMS = "RFC 3339 with a zone, a date, epoch seconds or ms, or before now: -90s, -1h30m, -2w"
"""All forms, for a help text."""


def instant(text: str, now: datetime) -> datetime:
    """Return the UTC time of `text`: RFC 3339, a date, a number since 1970, or relative to `now`.

    A date is its midnight in UTC.

    Raises:
        UserError: it is not a time.
    """
    try:
        return _sensible(_before(text, now) or _since_epoch(text) or _written_out(text).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{text!r} is not a time from 1970 to 2099: write 2026-08-11T10:27:48Z, 2026-08-11, or -2h for two "
            "hours ago."
        ) from error


def _before(text: str, now: datetime) -> datetime | None:
    relative = RELATIVE.fullmatch(text)
    if relative is None:
        return None
    return now - sum(
        (timedelta(**{UNITS[unit]: int(count)}) for count, unit in PARTS.findall(relative[1] or "")),
        timedelta(),
    )


def _since_epoch(text: str) -> datetime | None:
    if not EPOCH_TIME.fullmatch(text):
        return None
    number = int(text)
    return from_milliseconds(number * 1000 if len(text) <= MOST_DIGITS_OF_SECONDS else number)


def _written_out(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if DATE.fullmatch(text):
        return time.replace(tzinfo=UTC)
    if time.tzinfo is None:
        raise ValueError("no time zone")
    return time


def _sensible(time: datetime) -> datetime:
    if not EPOCH <= time < END:
        raise ValueError("before 1970 or after 2100")
    return time
