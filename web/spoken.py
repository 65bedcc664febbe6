"""Times and durations in the words of a sentence."""

from datetime import UTC, datetime, timedelta

UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
"""The largest unit first; what is shorter is said in seconds."""

TODAY = timedelta(hours=12)
"""A time that is longer ago is said with its day."""


def since_when(start: datetime, now: datetime) -> str:
    """Return for example `since 14:03:10 UTC (4 min)`."""
    form = "%H:%M:%S" if now - start < TODAY else "%Y-%m-%d %H:%M:%S"
    return f"since {start.astimezone(UTC):{form}} UTC ({duration(now - start)})"


def duration(span: timedelta) -> str:
    """Return a span in its largest whole unit, for example `4 min`; a negative one is `0 s`."""
    for unit, name in UNITS:
        if span >= unit:
            return f"{span // unit} {name}"
    return f"{max(0, int(span.total_seconds()))} s"
