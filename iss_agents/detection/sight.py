"""When the level is not followed, and when it is again."""

from msgspec.structs import replace

from iss_agents.detection.conclusions import (
    CERTAIN_MILLISECONDS,
    Result,
    conclude,
    confirm,
    source_of,
)
from iss_agents.detection.events import Event
from iss_agents.detection.judgement import measure
from iss_agents.detection.levels import rest
from iss_agents.detection.state import State, Unseen
from iss_agents.records import Reading

RESTED_MILLISECONDS = 90_000
"""The level before an unseen span is the mean over so long, in which flapping shows both its neighbours."""


def lose_sight(state: State, known_until: int, reading: Reading) -> Result:
    """Return the state that no longer follows the level, and the use that had come to rest just before, if any.

    A rise that is still going on belongs to the unseen span from its beginning: nobody can say how it ended.
    """
    if state.unseen:
        return replace(state, unseen=replace(state.unseen, until=None, jumped=False)), []
    if not state.levels:
        return state, []
    events: list[Event] = []
    if state.rise and known_until - state.rise.high_at >= CERTAIN_MILLISECONDS:
        state, events = conclude(state, known_until, reading)
    state, confirmed = confirm(state, reading)
    return _unseen_from(state, known_until, reading), events + confirmed


def regain_sight(state: State, at: int) -> State:
    """Return the state that follows the level from `at` on, if nothing hides it any longer."""
    hidden = state.signal_lost or state.level_doubtful
    if hidden or state.unseen is None or state.unseen.until is not None:
        return state
    return replace(state, unseen=replace(state.unseen, until=at))


def _unseen_from(state: State, known_until: int, reading: Reading) -> State:
    source = source_of(state.levels, state, reading)
    if state.rise:
        climb = measure(state.levels, state.rise, known_until)
        unseen = Unseen(min(climb.start, known_until), climb.before.mean, source)
    else:
        before = rest(state.levels, known_until - RESTED_MILLISECONDS, known_until)
        unseen = Unseen(known_until, before.mean, source)
    return replace(state, rise=None, unseen=unseen)
