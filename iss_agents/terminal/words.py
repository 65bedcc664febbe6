"""How values, ages and times are written for a person."""

from datetime import UTC, datetime

from iss_agents.terminal.answers import Item

AGE_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
"""Seconds of each unit, the largest first."""


def age(seconds: float | None) -> str:
    """Return an age in its largest unit, `12 s` or `3 h`; `never` if there is none."""
    if seconds is None:
        return "never"
    size, unit = next((row for row in AGE_UNITS if seconds >= row[0]), AGE_UNITS[-1])
    return f"{max(seconds, 0) // size:.0f} {unit}"


def value(item: Item) -> str:
    """Return the decoded state, or the value as sent with its unit."""
    if item.value is None:
        return "never measured"
    return item.state or f"{item.value} {item.unit}".rstrip()


def time(instant: datetime) -> str:
    """Return a time of today in UTC to the second."""
    return f"{instant.astimezone(UTC):%H:%M:%S} UTC"


def moment(instant: datetime) -> str:
    """Return day and time in UTC to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
