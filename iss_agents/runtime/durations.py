"""Durations in words, as every command and page writes them."""

from datetime import timedelta

UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
"""The largest unit first; shorter durations are written in seconds."""


def in_words(duration: timedelta) -> str:
    """Return a duration in its largest whole unit, for example `4 min`; a negative one is `0 s`."""
    for unit, name in UNITS:
        if duration >= unit:
            return f"{duration // unit} {name}"
    return f"{max(0, int(duration.total_seconds()))} s"
