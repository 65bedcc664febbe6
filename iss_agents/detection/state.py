"""State of the detector between two readings: plain data that survives a restart as JSON."""

from typing import Annotated, NamedTuple

import msgspec

from iss_agents.detection.events import Urination
from iss_agents.telemetry.ordering import age_of, ids_with, is_from_clock_ahead
from iss_agents.telemetry.records import Reading, Sequence, Source

FULL_PERCENT = 100.0

Percent = Annotated[float, msgspec.Meta(ge=0, le=FULL_PERCENT)]
"""A level."""


class Level(NamedTuple):
    """The level of the tank in percent from `at` (milliseconds since 1970)."""

    at: Sequence
    value: Percent
    source: Source


class Position(msgspec.Struct, frozen=True):
    """Position of the state in an item's readings: the last sequence, and the ids seen at that sequence."""

    sequence: Sequence
    event_ids: tuple[str, ...]
    source: Source

    def includes(self, reading: Reading) -> bool:
        """Return whether the state includes the reading already, or a later one."""
        return age_of(reading, self.sequence, self.event_ids) != "newer"


NOWHERE = Position(-1, (), "test")
"""Before the first reading of an item."""


class Rise(msgspec.Struct, frozen=True):
    """A rise that may become a use: when it began, its highest level, and when that was first reached.

    `opened_by` and `high_by` are the ids of those readings; empty in states of an older version. `seen_at` is
    the clock's time when the last of them arrived.
    """

    opened_at: Sequence
    high: Percent
    high_at: Sequence
    opened_by: str = ""
    high_by: str = ""
    seen_at: Sequence = 0


class Stroke(NamedTuple):
    """A use, or a portion of a transfer that looks like one: its start, its end, its size."""

    start: Sequence
    end: Sequence
    percent: float


class Pending(msgspec.Struct, frozen=True):
    """A small use that is confirmed at `confirmed_at`, unless the level creeps on until then.

    `plain`: its pace was that of a use, so that what follows may be flush water. `pace` is that of the slow
    climb that it is part of, in percent a millisecond.
    """

    use: Urination
    confirmed_at: Sequence
    plain: bool = False
    pace: float = 0.0


class CoverageGap(msgspec.Struct, frozen=True):
    """A span from `since` in which the level was not tracked. `until` is None while it lasts.

    `before` is the level at its start, None before the first level; `source` is the source of that level.
    `jumped`: the level was tracked but jumped, so that later levels cannot be compared with it. `whole`: each
    level since then continues the one before, so that nothing is missing; False in states of an older version.
    """

    since: Sequence
    before: Percent | None
    source: Source
    until: Sequence | None = None
    jumped: bool = False
    whole: bool = False


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole state of the detector. The default is the initial state.

    `clock` is the last tick of the station's clock at a good signal. `levels` are the recent ones in order,
    `strokes` the last uses.
    """

    positions: dict[str, Position] = {}
    clock: Sequence | None = None
    signal_lost: bool = False
    level_doubtful: bool = False
    processor_running: bool = False
    levels: tuple[Level, ...] = ()
    rise: Rise | None = None
    pending: Pending | None = None
    unseen: CoverageGap | None = None
    strokes: tuple[Stroke, ...] = ()


def is_ahead_of_time(state: State, reading: Reading, latest: int) -> bool:
    """Return whether the state includes a reading from a clock ahead of `latest`, unlike this one."""
    return any(
        is_from_clock_ahead(each.sequence, reading.sequence, latest) for each in state.positions.values()
    )


def is_of_another_source(state: State, reading: Reading) -> bool:
    """Return whether the state includes a reading of another source: another feed, or tests of a version ago.

    Uses would count as from that source until each item of it has changed, for days.
    """
    return any(each.source != reading.source for each in state.positions.values())


def including(state: State, reading: Reading) -> State | None:
    """Return the state with the reading's position, or None if it includes the reading already."""
    position = state.positions.get(reading.item_id, NOWHERE)
    if position.includes(reading):
        return None
    event_ids = ids_with(reading, position.sequence, position.event_ids)
    newer = Position(reading.sequence, event_ids, reading.source)
    return msgspec.structs.replace(state, positions=state.positions | {reading.item_id: newer})


encode_state = msgspec.json.Encoder().encode
"""State -> bytes."""

decode_state = msgspec.json.Decoder(State).decode
"""Bytes -> State. Raises msgspec.DecodeError or ValidationError, which names the field."""
