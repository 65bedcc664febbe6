"""Last-value reduction: which readings of a batch are newer than those seen, by series."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from msgspec import to_builtins

from iss_agents.telemetry.ordering import age_of, ids_with, latest_plausible
from iss_agents.telemetry.records import Reading, Source
from iss_agents.telemetry.series import series_of

Outcome = Literal["applied", "duplicate", "older", "suspect"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

Seen = dict[str, Any]
"""A Table's value: {"sequence": int, "event_ids": [ids seen at that sequence], "reading": the newest}."""


class Newest(NamedTuple):
    """The same for one series while a batch is folded."""

    sequence: int
    event_ids: Sequence[str]
    reading: Reading


@dataclass
class Fold:
    """Result of a batch: the new values by series, and the number of readings by outcome."""

    changed: dict[str, Seen] = field(default_factory=dict)
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))


def fold(readings: Iterable[Reading], held: Mapping[str, Seen]) -> Fold:
    """Return what `readings`, in order, change in `held` (series -> Seen), which is not modified."""
    result, latest = Fold(), latest_plausible()
    newest: dict[str, Newest] = {}
    for reading in readings:
        outcome = _apply(reading, newest, held, latest)
        result.outcomes[outcome] += 1
    result.changed = {series: _seen(each) for series, each in newest.items()}
    return result


def _apply(reading: Reading, newest: dict[str, Newest], held: Mapping[str, Seen], latest: int) -> Outcome:
    if reading.suspect:
        return "suspect"
    series = series_of(reading.item_id, reading.source)
    before = newest.get(series)
    if before and reading.sequence > before.sequence and before.reading.source == reading.source:
        # Most readings: `age_of` and `ids_with` would say the same, and are two fifths of the time of a fold.
        newest[series] = Newest(reading.sequence, (reading.event_id,), reading)
        return "applied"
    sequence, event_ids = _position(reading.source, before, held.get(series))
    age = age_of(reading, sequence, event_ids, latest)
    if age == "newer":
        newest[series] = Newest(reading.sequence, ids_with(reading, sequence, event_ids), reading)
        return "applied"
    return age


def _position(source: Source, newest: Newest | None, held: Seen | None) -> tuple[int, Sequence[str]]:
    """Return the sequence and ids that a reading of `source` must be newer than.

    A value of another source says nothing of it: the feed was another one, or it is a test reading that an
    earlier version showed in place of the item's.
    """
    if newest and newest.reading.source == source:
        return newest.sequence, newest.event_ids
    if newest is None and held and held["reading"]["source"] == source:
        return held["sequence"], held["event_ids"]
    return 0, ()


def _seen(newest: Newest) -> Seen:
    return {
        "sequence": newest.sequence,
        "event_ids": list(newest.event_ids),
        "reading": to_builtins(newest.reading),
    }
