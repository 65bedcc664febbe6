"""Use in progress: what the detector probably sees before it can decide."""

from iss_agents.detection.classification import is_use, measure
from iss_agents.detection.continuity import PAUSE_MILLISECONDS
from iss_agents.detection.state import State

EVIDENT_MILLISECONDS = 20_000
"""In this time the slowest use rises by two points, which flapping does not."""


def in_use_since(state: State) -> int | None:
    """Return the start, in milliseconds since 1970, of a rise that has looked like a use for some time."""
    if state.rise is None or state.clock is None or state.unseen:
        return None
    if state.clock - state.rise.high_at > PAUSE_MILLISECONDS:
        return None
    climb = measure(state.levels, state.rise, state.clock)
    return climb.start if state.clock - climb.start >= EVIDENT_MILLISECONDS and is_use(climb) else None
