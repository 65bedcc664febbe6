"""Times as a person writes them, on the command line and in addresses."""

import re
from datetime import UTC, datetime, timedelta

from iss_agents.errors import UserError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
RELATIVE = re.compile(r"-(\d{1,6})([smhd])")


def instant(text: str, now: datetime) -> datetime:
    """Return the UTC time that `text` spells: RFC 3339 with its zone, or relative to `now` as in `-2h`.

    Raises:
        UserError: it spells none.
    """
    if relative := RELATIVE.fullmatch(text):
        return now - timedelta(**{UNITS[relative[2]]: int(relative[1])})
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    if time.tzinfo is None:
        raise _no_time(text)
    return time.astimezone(UTC)


def _no_time(text: str) -> UserError:
    return UserError(f"{text!r} is no time: write 2026-08-11T10:27:48Z, or -2h for two hours ago.")
