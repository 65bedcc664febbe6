"""Times as a person writes them, on the command line and in addresses."""

import re
from datetime import UTC, datetime, timedelta

from iss_agents.errors import UserError
from iss_agents.records import LATEST_SEQUENCE
from iss_agents.station_clock import EPOCH, from_milliseconds

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
END = from_milliseconds(LATEST_SEQUENCE)
RELATIVE = re.compile(r"-(\d{1,6})([smhd])")


def instant(text: str, now: datetime) -> datetime:
    """Return the UTC time that `text` spells: RFC 3339 with its zone, or relative to `now` as in `-2h`.

    Raises:
        UserError: it spells none.
    """
    try:
        return _sensible(_before(text, now) or _with_zone(datetime.fromisoformat(text)).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{text!r} is no time from 1970 to 2099: write 2026-08-11T10:27:48Z, or -2h for two hours ago."
        ) from error


def _before(text: str, now: datetime) -> datetime | None:
    relative = RELATIVE.fullmatch(text)
    return now - timedelta(**{UNITS[relative[2]]: int(relative[1])}) if relative else None


def _with_zone(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("no time zone")
    return time


def _sensible(time: datetime) -> datetime:
    if not EPOCH <= time < END:
        raise ValueError("before 1970 or after 2100")
    return time
