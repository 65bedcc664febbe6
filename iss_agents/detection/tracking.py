"""Tracking of the level: track lost, reacquired, or never truly lost, as every level came all the same."""

from itertools import pairwise

from msgspec.structs import replace

from iss_agents.detection.classification import measure
from iss_agents.detection.continuity import follows
from iss_agents.detection.decision import (
    CERTAIN_MILLISECONDS,
    Result,
    conclude,
    confirm,
    source_of,
)
from iss_agents.detection.events import Event
from iss_agents.detection.levels import level_stats
from iss_agents.detection.state import CoverageGap, State
from iss_agents.telemetry.records import Reading

RESTED_MILLISECONDS = 90_000
"""The level before a coverage gap is the mean over this span, in which a flapping level shows both values."""


def lose_track(state: State, known_until: int, reading: Reading) -> Result:
    """Return the state that no longer tracks the level, and the use that ended just before, if any.

    A rise in progress belongs to the coverage gap from its beginning, unless every level of it comes.
    """
    if state.unseen:
        return replace(state, unseen=replace(state.unseen, until=None, jumped=False)), []
    if not state.levels:
        return state, []
    events: list[Event] = []
    if state.rise and known_until - state.rise.high_at >= CERTAIN_MILLISECONDS:
        state, events = conclude(state, known_until, reading)
    state, confirmed = confirm(state, reading)
    return _coverage_gap_from(state, known_until, reading), events + confirmed


def reacquire(state: State, at: int) -> State:
    """Return the state that tracks the level again from `at`, if nothing prevents it any longer."""
    hidden = state.signal_lost or state.level_doubtful
    if hidden or state.unseen is None or state.unseen.until is not None:
        return state
    return replace(state, unseen=replace(state.unseen, until=at))


def _coverage_gap_from(state: State, known_until: int, reading: Reading) -> State:
    source = source_of(state.levels, state, reading)
    # A silence is noticed at its end: some levels may have come in it.
    whole = all(
        follows(last, level, level.at - last.at)
        for last, level in pairwise(state.levels)
        if level.at > known_until
    )
    if state.rise:
        climb = measure(state.levels, state.rise, known_until)
        unseen = CoverageGap(min(climb.start, known_until), climb.before.mean, source, whole=whole)
    else:
        before = level_stats(state.levels, known_until - RESTED_MILLISECONDS, known_until)
        unseen = CoverageGap(known_until, before.mean, source, whole=whole)
    return replace(state, unseen=unseen)
