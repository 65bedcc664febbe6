"""From what has come to rest to an event, or to none."""

from collections.abc import Iterable

from msgspec.structs import replace

from iss_agents.detection.events import (
    EVENT_SCHEMA_VERSION,
    Event,
    UnobservedRise,
    Urination,
    event_id,
)
from iss_agents.detection.judgement import (
    BASE_MILLISECONDS,
    CREEP_PERCENT,
    LEAST_PERCENT,
    SHAPED_PERCENT,
    Climb,
    confidence,
    is_use,
    measure,
)
from iss_agents.detection.levels import rest, since
from iss_agents.detection.state import Level, Pending, Rise, State, Unseen
from iss_agents.records import Reading, Source
from iss_agents.station_clock import from_milliseconds

CERTAIN_MILLISECONDS = 20_000
"""Quiet that is enough to decide when no more can be had, and to know a level again."""

CONFIRMED_MILLISECONDS = 70_000
"""A small rise is a use only if so long after its last high the level did not creep on."""

STAYS_PERCENT = 1.0
"""What must be left of a small rise by then: flapping takes a point of two."""

REMEMBERED_MILLISECONDS = 180_000
"""How much of the past a rest needs to be known by."""

Result = tuple[State, list[Event]]


def conclude(state: State, until: int, reading: Reading) -> Result:
    """Return the state without its rise, and the use that it was, if any; `until` is when its quiet ended.

    A small use is pending at first: a slow transfer looks the same until it creeps on.
    """
    if state.rise is None:
        return state, []
    climb = measure(state.levels, state.rise, until)
    rested = replace(state, rise=None)
    if not is_use(climb):
        return rested, []
    use = _use(state, state.rise, climb, reading)
    told, events = confirm(rested, reading)
    if climb.percent < SHAPED_PERCENT:
        return replace(told, pending=Pending(use, state.rise.high_at + CONFIRMED_MILLISECONDS)), events
    return _forgetful(told, until), [*events, use]


def confirm(state: State, reading: Reading) -> Result:
    """Return the state without its pending use, and that use as decided by this reading."""
    if state.pending is None:
        return state, []
    use = state.pending.use
    reading_ids = (*use.reading_ids[:-1], reading.event_id)
    decided = replace(use, detected_at=reading.source_ts, reading_ids=reading_ids)
    return replace(state, pending=None), [decided]


def confirm_at_rest(state: State, at: int, reading: Reading) -> Result:
    """Return the state and its pending use once it is certain that the level neither crept on nor fell back."""
    if state.pending is None or state.rise or at < state.pending.confirmed_at:
        return state, []
    use, level = state.pending.use, rest(state.levels, at - CERTAIN_MILLISECONDS, at).mean
    if level - use.level_before < STAYS_PERCENT or level - use.level_after > CREEP_PERCENT:
        return replace(state, pending=None), []
    return confirm(_forgetful(state, at), reading)


def _forgetful(state: State, at: int) -> State:
    """Return the state whose memory begins anew, so that a rise that was told is no creep of the next."""
    return replace(state, levels=since(state.levels, at - BASE_MILLISECONDS))


def settle(state: State, at: int, reading: Reading) -> Result:
    """Return the state after a span that was not seen, once the level is known again, and what rose in it."""
    unseen = state.unseen
    if unseen is None or unseen.until is None or not state.levels:
        return state, []
    quiet_since = max(unseen.until, _last_high(state.levels, unseen.until))
    if at - quiet_since < CERTAIN_MILLISECONDS:
        return state, []
    after = rest(state.levels, quiet_since, at).mean
    settled = replace(state, unseen=None, levels=since(state.levels, quiet_since))
    if unseen.before is None or unseen.jumped or after - unseen.before < LEAST_PERCENT:
        return settled, []
    return settled, [_unobserved(state, unseen, unseen.before, after, quiet_since, reading)]


def source_of(levels: Iterable[Level], state: State, reading: Reading) -> Source:
    """Return `isslive` only if everything came from there; else where the doubtful part came from."""
    sources = {level.source for level in levels} | {reading.source}
    sources |= {position.source for position in state.positions.values()}
    if "test" in sources:
        return "test"
    return "simulated" if "simulated" in sources else "isslive"


def _last_high(levels: tuple[Level, ...], moment: int) -> int:
    """Return when, after `moment`, the level was last higher than all before it."""
    high, high_at = None, moment
    for level in since(levels, moment):
        if high is not None and level.value > high:
            high_at = level.at
        high = level.value if high is None else max(high, level.value)
    return high_at


def _use(state: State, rise: Rise, climb: Climb, reading: Reading) -> Urination:
    start, end = from_milliseconds(climb.start), from_milliseconds(climb.end)
    before, after = round(climb.before.mean, 1), round(climb.after.mean, 1)
    score, parts = confidence(climb)
    source = source_of(since(state.levels, climb.start - BASE_MILLISECONDS), state, reading)
    return Urination(
        schema_version=EVENT_SCHEMA_VERSION,
        event_id=event_id("use", start, end, before, after, source),
        start=start,
        end=end,
        detected_at=reading.source_ts,
        level_before=before,
        level_after=after,
        delta_percent=round(after - before, 1),
        confidence=score,
        confidence_parts=parts,
        processor_running=state.processor_running,
        readings=climb.readings,
        source=source,
        reading_ids=tuple(filter(None, (rise.opened_by, rise.high_by, reading.event_id))),
    )


def _unobserved(
    state: State, unseen: Unseen, before: float, after: float, quiet_since: int, reading: Reading
) -> UnobservedRise:
    start, end = from_milliseconds(unseen.since), from_milliseconds(quiet_since)
    before, after = round(before, 1), round(after, 1)
    known = Level(unseen.since, before, unseen.source)
    later = [level for level in state.levels if level.at >= unseen.since]
    source = source_of([known, *later], state, reading)
    return UnobservedRise(
        schema_version=EVENT_SCHEMA_VERSION,
        event_id=event_id("unobserved", start, end, before, after, source),
        start=start,
        end=end,
        detected_at=reading.source_ts,
        level_before=before,
        level_after=after,
        delta_percent=round(after - before, 1),
        processor_running=state.processor_running,
        readings=len(later),
        source=source,
        reading_ids=(reading.event_id,),
    )
