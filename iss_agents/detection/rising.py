"""Rise of the level: a level above all those of the last half minute opens one, each new high prolongs it."""

from msgspec.structs import replace

from iss_agents.detection.decision import REMEMBERED_MILLISECONDS
from iss_agents.detection.levels import since
from iss_agents.detection.state import Level, Rise, State

LOOK_BACK_MILLISECONDS = 30_000
"""A level above all those of the last half minute may begin a rise."""

KEPT_MILLISECONDS = 240_000
"""A rise that takes longer is not a use, so its beginning may be forgotten."""

MOST_LEVELS = 1000
"""Bound of the state; the fastest flapping makes 540 levels in the time that is kept."""


def with_level(state: State, level: Level, name: str) -> State:
    """Return the state with one more level; `name` is the id of its reading."""
    rise = risen(state, level, name)
    return replace(state, levels=recent_levels(state, level, rise), rise=rise)


def risen(state: State, level: Level, name: str) -> Rise | None:
    """Return the rise that a level opens or prolongs, None if there is neither."""
    rise, seen_at = state.rise, max(level.at, state.clock or level.at)
    if rise is None:
        recent = since(state.levels, level.at - LOOK_BACK_MILLISECONDS)
        higher = level.value > max(earlier.value for earlier in recent)
        return Rise(level.at, level.value, level.at, name, name, seen_at) if higher else None
    if level.value <= rise.high:
        return rise
    return replace(rise, high=level.value, high_at=level.at, high_by=name, seen_at=seen_at)


def recent_levels(state: State, newest: Level, rise: Rise | None) -> tuple[Level, ...]:
    """Return the levels with the newest one, without those that no decision needs any longer."""
    begin = (rise.opened_at if rise else newest.at) - REMEMBERED_MILLISECONDS
    # What came before a coverage gap is needed until it is known whether the gap hid anything.
    last = min(newest.at, state.unseen.since) if state.unseen else newest.at
    return since((*state.levels, newest), max(min(begin, last), last - KEPT_MILLISECONDS))[-MOST_LEVELS:]
