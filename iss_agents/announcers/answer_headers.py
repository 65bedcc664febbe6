"""Time headers of an announcer's answer: how long to wait, and the server's time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

LARGEST_SKEW = timedelta(minutes=2)
"""OAuth 1.0a signs the time, and X rejects one that is some minutes off. HTTP's times are whole seconds."""


def seconds_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks for, or None if it does not.

    RFC 9110 has whole seconds or a date; Discord and others send decimals. A date counts from the answer's own,
    so that a wrong clock here does not matter.
    """
    text = headers.get("Retry-After", "").strip()
    if _is_decimal(text):
        return float(text)
    date = _date(text)
    return max(0.0, (date - (_date(headers.get("Date", "")) or now)).total_seconds()) if date else None


def clock_skew(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return by how much this machine's clock is ahead of the server's, None if they agree or it is unknown."""
    date = _date(headers.get("Date", ""))
    return now - date if date and abs(now - date) > LARGEST_SKEW else None


def _is_decimal(text: str) -> bool:
    whole, point, fraction = text.partition(".")
    return text.isascii() and (whole + fraction).isdecimal() and not (point and not fraction)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else None
