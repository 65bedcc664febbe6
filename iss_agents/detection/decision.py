"""Decisions of the detector: whether a rise that has ended becomes an event."""

from collections.abc import Iterable

from msgspec.structs import replace

from iss_agents.detection.classification import (
    BASE_MILLISECONDS,
    CREEP_PERCENT,
    LEAST_PERCENT,
    PLAIN_PERCENT,
    SHAPED_PERCENT,
    Climb,
    confidence,
    is_plainly_use,
    is_step_of_scale,
    is_use,
    measure,
)
from iss_agents.detection.events import (
    EVENT_SCHEMA_VERSION,
    Event,
    UnobservedRise,
    Urination,
    event_id,
)
from iss_agents.detection.levels import level_stats, since
from iss_agents.detection.state import CoverageGap, Level, Pending, Rise, State, Stroke
from iss_agents.detection.steepest import is_use_in_climb, pace_before, steepest_part
from iss_agents.detection.strokes import FLUSH_MILLISECONDS, LIKE_PEOPLE, is_repetition
from iss_agents.telemetry.records import Reading, Source
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

CERTAIN_MILLISECONDS = 20_000
"""Quiet period that suffices to decide if there is no longer one, and to know a level again."""

CONFIRMED_MILLISECONDS = 70_000
"""A small rise is a use only if the level has not crept on for this long after its last high."""

FLUSH_PERCENT = 2.1
"""50 to 150 ml of flush water are up to two points more, in a tank of 8 to 13 l."""

STAYS_PERCENT = 1.0
"""What must remain of a small rise by then: flapping takes one point of two."""

REMEMBERED_MILLISECONDS = 180_000
"""How much of the past the level statistics need."""

Result = tuple[State, list[Event]]


def conclude(state: State, until: int, reading: Reading) -> Result:
    """Return the state without its rise, and the use that it was, if any; `until` ends its quiet period.

    A small use is pending at first: a slow transfer looks the same until it creeps on.
    """
    if state.rise is None:
        return state, []
    climb, pace = _climb_of(state, state.rise, until)
    rested = replace(state, rise=None)
    if not (pace or is_use(climb)) or is_step_of_scale(climb) or _may_be_flush_water(state, climb):
        return rested, []
    use = _use(state, state.rise, climb, reading)
    told, events = confirm(rested, reading)
    if climb.percent < SHAPED_PERCENT:
        return replace(told, pending=_pending(state, state.rise, climb, pace, use)), events
    told, decided = _tell(told if pace else _forgetful(told, until), use)
    return told, events + decided


def conclude_at_pause(state: State, until: int, reading: Reading) -> Result:
    """Return the state without its rise, and the use that it was, if it was plainly one before its pause.

    Otherwise it goes on: a slow transfer that bounces pauses as well.
    """
    if state.rise is None:
        return state, []
    climb, pace = _climb_of(state, state.rise, until)
    part = steepest_part(_levels_of_rise(state), state.rise, until)
    plain = is_plainly_use(climb) or (is_use(climb) and part is not None and is_plainly_use(part))
    return conclude(state, until, reading) if pace or plain else (state, [])


def _climb_of(state: State, rise: Rise, until: int) -> tuple[Climb, float]:
    """Return the measures of a rise, or of the use in it that is part of a slow climb, and the climb's pace."""
    levels = _levels_of_rise(state)
    whole, part = measure(levels, rise, until), steepest_part(levels, rise, until)
    if part is None:
        return whole, 0.0
    pace = pace_before(levels, part)
    if is_use_in_climb(part, pace):
        return part, pace
    # The tail of the flow, or flush water, makes the whole slower than the use was.
    tail = whole.after.mean - part.after.mean
    return (part if not is_use(whole) and is_plainly_use(part) and tail <= FLUSH_PERCENT else whole), 0.0


def _pending(state: State, rise: Rise, climb: Climb, pace: float, use: Urination) -> Pending:
    """Return a small use as pending, until the level has rested since the use itself if that is known."""
    part = steepest_part(_levels_of_rise(state), rise, rise.high_at + CERTAIN_MILLISECONDS)
    plain = part is not None and is_plainly_use(part)
    rested_since = part.end if part and (plain or pace) else rise.high_at
    return Pending(use, rested_since + CONFIRMED_MILLISECONDS, plain or is_plainly_use(climb), pace)


def _levels_of_rise(state: State) -> tuple[Level, ...]:
    """Return the levels by which to judge a rise: what was plainly a use before it is not a creep."""
    if state.pending is None or not state.pending.plain:
        return state.levels
    return since(state.levels, milliseconds(state.pending.use.end))


def confirm(state: State, reading: Reading) -> Result:
    """Return the state without its pending use, and that use as decided by this reading."""
    if state.pending is None:
        return state, []
    use = state.pending.use
    reading_ids = (*use.reading_ids[:-1], reading.event_id)
    decided = replace(use, detected_at=reading.source_ts, reading_ids=reading_ids)
    return _tell(replace(state, pending=None), decided)


def _tell(state: State, use: Urination) -> Result:
    """Return the state that remembers a use, and the use, unless it repeats the last ones like a pump."""
    stroke = Stroke(milliseconds(use.start), milliseconds(use.end), use.delta_percent)
    events: list[Event] = [] if is_repetition(state.strokes, stroke) else [use]
    return replace(state, strokes=(*state.strokes, stroke)[-LIKE_PEOPLE:]), events


def _may_be_flush_water(state: State, climb: Climb) -> bool:
    """Return whether a small climb follows a use so soon that it may belong to it."""
    ends = [stroke.end for stroke in state.strokes[-1:]]
    if state.pending:
        ends.append(milliseconds(state.pending.use.end))
    return climb.percent < PLAIN_PERCENT and any(climb.start - end <= FLUSH_MILLISECONDS for end in ends)


def confirm_at_rest(state: State, at: int, reading: Reading) -> Result:
    """Return the state and its pending use once the level is known to have neither crept on nor fallen back."""
    if state.pending is None or at < state.pending.confirmed_at:
        return state, []
    use, level = state.pending.use, level_stats(state.levels, at - CERTAIN_MILLISECONDS, at).mean
    # Both means are over some 20 s.
    crept = level - use.level_after - state.pending.pace * (at - milliseconds(use.end) - CERTAIN_MILLISECONDS)
    limit = FLUSH_PERCENT if state.pending.plain else CREEP_PERCENT
    if state.rise and (crept > limit or not state.pending.plain):
        return state, []
    if level - use.level_before < STAYS_PERCENT or crept > limit:
        return replace(state, pending=None), []
    return confirm(state if state.pending.pace else _forgetful(state, at), reading)


def _forgetful(state: State, at: int) -> State:
    """Return the state without older levels, so that a finished rise is not a creep of the next one."""
    return replace(state, levels=since(state.levels, at - BASE_MILLISECONDS))


def decide_after_gap(state: State, at: int, reading: Reading) -> Result:
    """Return the state after a coverage gap, once the level is known again, and the rise that it hid."""
    unseen = state.unseen
    if unseen is None or unseen.until is None or not state.levels:
        return state, []
    quiet_since = max(unseen.until, _last_high(state.levels, unseen.until))
    if at - quiet_since < CERTAIN_MILLISECONDS:
        return state, []
    if unseen.whole:
        return replace(state, unseen=None), []
    after = level_stats(state.levels, quiet_since, at).mean
    settled = replace(state, unseen=None, rise=None, levels=since(state.levels, quiet_since))
    # A level of exactly 0 may have been the first reading of a broken broadcast: nothing is measured from it.
    if not unseen.before or unseen.jumped or after - unseen.before < LEAST_PERCENT:
        return settled, []
    return settled, [_unobserved(state, unseen, unseen.before, after, quiet_since, reading)]


def source_of(levels: Iterable[Level], state: State, reading: Reading) -> Source:
    """Return `isslive` only if everything came from there, otherwise the source of the rest."""
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
    state: State, unseen: CoverageGap, before: float, after: float, quiet_since: int, reading: Reading
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
