"""Continuity of the level across a coverage gap: whether every step came, so that the gap hid no rise.

The station sends each change of the whole percent with its time. A signal that was lost for some seconds, or a
backlog, loses none of them: the levels then go on in single steps, and their times show the rise as it was.
"""

from msgspec.structs import replace

from iss_agents.detection.classification import CREEP_PERCENT, LEAST_PERCENT
from iss_agents.detection.decision import CERTAIN_MILLISECONDS
from iss_agents.detection.rising import recent_levels, risen
from iss_agents.detection.state import CoverageGap, Level, State

JUMP_PERCENT = 3.0
"""Between two readings a use and a bounce together change the level by two at most."""

LATE_MILLISECONDS = 30_000
"""A level measured this long before the clock's time came from a snapshot, a gap or a backlog."""

PAUSE_MILLISECONDS = 30_000
"""Longest pause within a use: at 0.1 % a second with a point of bounce a new high takes as long."""


def follows(last: Level, level: Level, hidden_milliseconds: int) -> bool:
    """Return whether nothing is missing between two levels, of which one is hidden for so long."""
    limit = JUMP_PERCENT if hidden_milliseconds <= CERTAIN_MILLISECONDS else CREEP_PERCENT
    return abs(level.value - last.value) < limit


def is_late(state: State, level: Level) -> bool:
    """Return whether a level comes so long after its time that levels before it may be missing."""
    return state.clock is not None and level.at < state.clock - LATE_MILLISECONDS


def with_level_in_gap(state: State, gap: CoverageGap, level: Level, name: str) -> State:
    """Return the state with a level that came in a coverage gap, or before it is known what the gap hid."""
    if gap.whole and _flapped_before(state, gap, level):
        state = replace(state, rise=None)
    whole = gap.whole and _continues(state, gap, level)
    rise = risen(state, level, name) if whole else None
    levels = recent_levels(state, level, rise)
    return replace(state, levels=levels, rise=rise, unseen=replace(gap, whole=whole))


def _continues(state: State, gap: CoverageGap, level: Level) -> bool:
    last, rise = state.levels[-1], state.rise
    if rise and level.value > rise.high and level.at - rise.high_at > PAUSE_MILLISECONDS:
        return False
    hidden = _hidden_milliseconds(state, gap, level)
    if rise is None and gap.before is not None and hidden > CERTAIN_MILLISECONDS:
        # A level that flapped is known by its mean.
        last = last._replace(value=gap.before)
    return follows(last, level, hidden)


def _hidden_milliseconds(state: State, gap: CoverageGap, level: Level) -> int:
    """Return for how long the level may have changed unseen before this reading of it."""
    since = state.levels[-1].at if is_late(state, level) else max(state.levels[-1].at, gap.since)
    return (level.at if gap.until is None else min(level.at, gap.until)) - since


def _flapped_before(state: State, gap: CoverageGap, level: Level) -> bool:
    """Return whether the rise before this level was only a flap, too small and too long ago to belong to it."""
    rise = state.rise
    if rise is None or gap.before is None or level.at - rise.high_at <= PAUSE_MILLISECONDS:
        return False
    return level.value > rise.high and rise.high - gap.before < LEAST_PERCENT
