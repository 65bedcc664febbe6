"""Formatting of values, ages and times for people."""

from datetime import UTC, datetime, timedelta
from math import floor

from iss_agents.cli.replies import Item
from iss_agents.runtime.durations import in_words

LARGEST, SMALLEST = 1e9, 1e-6
"""Beyond these limits a number is written with an exponent: no measurement needs so many digits."""

DIGITS = 6
"""Figures of a number that is too long to be written as sent, which is two characters longer."""

UNITS = {
    "AMP": "A",
    "CNT": "counts",
    "DEG": "°",
    "G": "g",
    "INTEGR": "",
    "KG": "kg",
    "LBM/D": "lb/d",
    "M": "m",
    "M/S": "m/s",
    "MS": "ms",
    "ND": "",
    "PCT": "%",
    "S": "s",
    "YR": "",
}
"""Display names of the catalogue's unit codes; all other units are shown unchanged. The page has the same."""


def age(seconds: float | None) -> str:
    """Return an age in its largest unit, `12 s` or `3 h`; `never` if there is none."""
    return "never" if seconds is None else in_words(timedelta(seconds=seconds))


def value(item: Item) -> str:
    """Return the decoded state, or the number to six digits with its unit, as the page does."""
    if item.value is None:
        return "never measured"
    return item.state or f"{short(item.value, item.number)} {unit_text(item.unit)}".rstrip()


def unit_text(unit: str) -> str:
    """Return how people write a unit of the catalogue."""
    return UNITS.get(unit, unit)


def short(text: str, number: float | None) -> str:
    """Return a value as sent, but an extreme or long number to six digits."""
    if number is None:
        return text
    size = abs(number)
    mantissa, exponent = f"{number:.{DIGITS - 1}e}".split("e")
    if size >= LARGEST or 0 < size < SMALLEST:
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent):+d}"
    if len(text) <= DIGITS + 2:
        return text
    decimals = DIGITS - 1 - int(exponent)
    return f"{number:.{decimals}f}" if decimals >= 0 else str(floor(number + 0.5))


def time(instant: datetime) -> str:
    """Return a time of today in UTC to the second."""
    return f"{instant.astimezone(UTC):%H:%M:%S} UTC"


def moment(instant: datetime) -> str:
    """Return day and time in UTC to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
