"""Which readings are news, and which have been seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from msgspec import to_builtins

from iss_agents.records import Reading

Outcome = Literal["applied", "duplicate", "older", "suspect"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

MOST_IDS = 64
"""Ids remembered of one instant: more than two values with one time stamp were never seen (feed.md)."""

Seen = dict[str, Any]
"""A Table's value: {"sequence": int, "event_ids": [ids seen at that sequence], "reading": the newest}."""

Newest = dict[str, tuple[int, list[str], Reading]]
"""item id -> sequence, ids seen at it, newest reading"""


@dataclass
class Fold:
    """What a list of readings changes: the new values by item, and how many readings met which outcome."""

    changed: dict[str, Seen] = field(default_factory=dict)
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))


def fold(readings: Iterable[Reading], held: Mapping[str, Seen]) -> Fold:
    """Return what `readings`, in order, change in `held` (item id -> Seen), which is left as it is.

    A reading is newer if its sequence is greater, or equal with an event_id not yet seen at that sequence: two
    different values with one time stamp are possible (feed.md).
    """
    result = Fold()
    sequences: Newest = {}
    for reading in readings:
        outcome = _meet(reading, sequences, held)
        result.outcomes[outcome] += 1
    result.changed = {item: _seen(*newest) for item, newest in sequences.items()}
    return result


def _meet(reading: Reading, newest: Newest, held: Mapping[str, Seen]) -> Outcome:
    if reading.suspect:
        return "suspect"
    sequence, event_ids = _position(reading.item_id, newest, held)
    if reading.sequence < sequence:
        return "older"
    if reading.sequence > sequence:
        newest[reading.item_id] = (reading.sequence, [reading.event_id], reading)
        return "applied"
    if reading.event_id in event_ids:
        return "duplicate"
    newest[reading.item_id] = (sequence, [*event_ids, reading.event_id][-MOST_IDS:], reading)
    return "applied"


def _position(item_id: str, newest: Newest, held: Mapping[str, Seen]) -> tuple[int, list[str]]:
    if item_id in newest:
        return newest[item_id][:2]
    seen = held.get(item_id)
    return (seen["sequence"], seen["event_ids"]) if seen else (-(2**63), [])


def _seen(sequence: int, event_ids: list[str], reading: Reading) -> Seen:
    return {"sequence": sequence, "event_ids": event_ids, "reading": to_builtins(reading)}
