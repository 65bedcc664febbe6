"""Ordering: which of two readings of an item, or of two values of a Table, is newer."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from iss_agents.telemetry.records import Reading, decoder
from iss_agents.telemetry.station_clock import MAX_AHEAD, milliseconds

NO_LIMIT = -1
"""Instead of the latest plausible sequence: every held sequence is trusted."""

Age = Literal["newer", "duplicate", "older"]

MOST_IDS = 64
"""Ids remembered of one instant: there were never more than two values with one time stamp (feed.md)."""


def latest_plausible() -> int:
    """Return the latest sequence that is plausible now: a later one comes from a clock that was ahead."""
    return milliseconds(datetime.now(UTC) + MAX_AHEAD)


def is_from_clock_ahead(held: int, sequence: int, latest: int) -> bool:
    """Return whether the held sequence comes from a clock that was ahead, as a plausible `sequence` shows.

    If `sequence` is beyond `latest`, too, our own clock is late.
    """
    return sequence <= latest < held


def is_later(sequence: int, held: int, latest: int) -> bool:
    """Return whether a sequence is later than the held one.

    A value from a clock that was ahead must not block everything until its time has come.
    """
    return sequence > held or is_from_clock_ahead(held, sequence, latest)


def age_of(reading: Reading, sequence: int, event_ids: Sequence[str], latest: int = NO_LIMIT) -> Age:
    """Return how a reading relates to the newest one before it, of `sequence` and with `event_ids` seen at it.

    Two different values with one time stamp are possible (feed.md), so at the same sequence an unseen id is
    newer.
    """
    if reading.sequence == sequence:
        return "duplicate" if reading.event_id in event_ids else "newer"
    return "newer" if is_later(reading.sequence, sequence, latest) else "older"


def ids_with(reading: Reading, sequence: int, event_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids seen at the instant of a reading that is newer than `sequence` and `event_ids`."""
    same_instant = event_ids if reading.sequence == sequence else ()
    return (*same_instant, reading.event_id)[-MOST_IDS:]


class Version(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """Version of a Table's value: of two values of a key the one with the greater version includes the other.

    It does not depend on a clock: a value includes everything up to the record `offset` of the Table's source
    partition. `generation` grows when offsets go back because the source topic was recreated. `sequence`, the
    time of the newest reading or event in the value, orders values that an older version of this program wrote.
    """

    generation: int = 0
    offset: int = -1
    sequence: int


NO_VALUE = Version(sequence=-1)

decode_version = decoder(Version)
"""JSON of a Table's value -> its version. Raises msgspec.DecodeError."""


def version_of(value: Mapping[str, Any] | None) -> Version:
    """Return the version of a Table's value, `NO_VALUE` for none; raises msgspec.ValidationError if invalid."""
    return msgspec.convert(value, Version) if value else NO_VALUE
