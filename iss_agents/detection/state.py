"""What the detector remembers between two readings: plain data that survives a restart as JSON."""

from typing import NamedTuple

import msgspec

from iss_agents.detection.events import Urination
from iss_agents.records import Reading, Source


class Level(NamedTuple):
    """The level, in percent, that the tank shows from `at` (milliseconds since 1970) on."""

    at: int
    value: float
    source: Source


class Position(msgspec.Struct, frozen=True):
    """How far the state includes an item: its last sequence, and the ids seen at that sequence."""

    sequence: int
    event_ids: tuple[str, ...]
    source: Source

    def includes(self, reading: Reading) -> bool:
        """Return whether the reading is in the state already, or goes back in time."""
        if reading.sequence == self.sequence:
            return reading.event_id in self.event_ids
        return reading.sequence < self.sequence


class Rise(msgspec.Struct, frozen=True):
    """A rise that may become a use: when it began, the highest level of it and when that was first reached.

    `opened_by` and `high_by` are the ids of the readings that said so; empty where an older version did not
    remember them.
    """

    opened_at: int
    high: float
    high_at: int
    opened_by: str = ""
    high_by: str = ""


class Pending(msgspec.Struct, frozen=True):
    """A small use that is told at `confirmed_at`, unless the level creeps on until then."""

    use: Urination
    confirmed_at: int


class Unseen(msgspec.Struct, frozen=True):
    """A span in which the level was not followed, from `since` on. `until` is None while it lasts.

    `before` is the level at its start, None at the very first; `source` is where that came from. `jumped` says
    that the level was followed, but jumped: what follows cannot be compared with it.
    """

    since: int
    before: float | None
    source: Source
    until: int | None = None
    jumped: bool = False


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything the detector knows. The default is a detector that has seen nothing.

    `clock` is the last tick of the station's clock at a good signal. `levels` are the recent ones in order.
    """

    positions: dict[str, Position] = {}
    clock: int | None = None
    signal_lost: bool = False
    level_doubtful: bool = False
    processor_running: bool = False
    levels: tuple[Level, ...] = ()
    rise: Rise | None = None
    pending: Pending | None = None
    unseen: Unseen | None = None


def including(state: State, reading: Reading) -> State | None:
    """Return the state with the reading's position, or None if it includes the reading already."""
    position = state.positions.get(reading.item_id)
    if position and position.includes(reading):
        return None
    same_moment = position.event_ids if position and position.sequence == reading.sequence else ()
    newer = Position(reading.sequence, (*same_moment, reading.event_id), reading.source)
    return msgspec.structs.replace(state, positions=state.positions | {reading.item_id: newer})


encode_state = msgspec.json.Encoder().encode
"""State -> bytes."""

decode_state = msgspec.json.Decoder(State).decode
"""Bytes -> State. Raises msgspec.DecodeError or ValidationError, which names the field."""
