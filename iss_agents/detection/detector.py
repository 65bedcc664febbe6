"""Detector of the urine tank: a pure function of a state and a reading.

Time passes only with readings: the station's clock ticks once a second, so pending decisions wait for a
reading.
"""

from collections.abc import Callable

from msgspec.structs import replace

from iss_agents.detection.continuity import (
    JUMP_PERCENT,
    PAUSE_MILLISECONDS,
    follows,
    is_late,
    with_level_in_gap,
)
from iss_agents.detection.decision import Result, conclude, conclude_at_pause, confirm_at_rest, decide_after_gap
from iss_agents.detection.rising import with_level
from iss_agents.detection.state import FULL_PERCENT, CoverageGap, Level, Rise, State, including
from iss_agents.detection.tracking import lose_track, reacquire
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM, as_number
from iss_agents.telemetry.records import Reading, is_good_status

SILENCE_MILLISECONDS = 60_000
"""Without a tick of the clock for this long there was no coverage (the feed's limit for silence)."""

NEARLY_EMPTY_PERCENT = 2.0
"""An emptying tank shows 1 before it shows 0. Any other 0 is bad data of a broken broadcast (feed.md)."""

QUIET_MILLISECONDS = 45_000
"""A rise is over without a new high for this long: at 0.1 % a second with a point of bounce one takes 30 s."""

RUNNING = 16
"""NODE3000004 while the processor drains the tank (feed.md)."""


def detect(state: State, reading: Reading) -> Result:
    """Return the state that includes the reading, and the events that it decided, oldest first."""
    follow = _FOLLOW.get(reading.item_id)
    if follow is None or reading.suspect:
        return state, []
    included = including(state, reading)
    return follow(included, reading) if included else (state, [])


def _follow_processor(state: State, reading: Reading) -> Result:
    number = as_number(reading.value)
    if number is None or not _is_good(reading):
        return state, []
    return replace(state, processor_running=number == RUNNING), []


def _follow_signal(state: State, reading: Reading) -> Result:
    at = reading.sequence
    if not _is_good(reading):
        lost, events = lose_track(state, at, reading)
        return replace(lost, signal_lost=True), events
    state, events = _notice_silence(state, at, reading)
    state = reacquire(replace(state, clock=at, signal_lost=False), at)
    state, decided = _pass_time(state, at, reading)
    return state, events + decided


def _notice_silence(state: State, at: int, reading: Reading) -> Result:
    if state.clock is None or at - state.clock <= SILENCE_MILLISECONDS:
        return state, []
    return lose_track(state, state.clock, reading)


def _follow_tank(state: State, reading: Reading) -> Result:
    value = as_number(reading.value)
    if value is None or not _is_plausible(value, state) or not _is_good(reading):
        lost, events = lose_track(state, reading.sequence, reading)
        return replace(lost, level_doubtful=True), events
    level = Level(reading.sequence, value, reading.source)
    state, events = _check_late(replace(state, level_doubtful=False), level, reading)
    state, passed = _pass_time(state, level.at, reading)
    state, ended = _end_at_pause(state, level, reading)
    state, added = _add_level(state, level, reading)
    return state, events + passed + ended + added


def _is_plausible(value: float, state: State) -> bool:
    if value == 0:
        return not state.levels or state.levels[-1].value < NEARLY_EMPTY_PERCENT
    return 0 < value <= FULL_PERCENT


def _check_late(state: State, level: Level, reading: Reading) -> Result:
    if state.clock is None or (not is_late(state, level) and level.at - state.clock <= SILENCE_MILLISECONDS):
        return state, []
    if (
        is_late(state, level)
        and state.levels
        and follows(state.levels[-1], level, level.at - state.levels[-1].at)
    ):
        # It came late, but the levels before it came as well: their times are what counts.
        return state, []
    return lose_track(state, min(state.clock, level.at), reading)


def _add_level(state: State, level: Level, reading: Reading) -> Result:
    if state.unseen:
        added = with_level_in_gap(state, state.unseen, level, reading.event_id)
        return reacquire(added, max(level.at, state.clock or level.at)), []
    if not state.levels:
        unseen = CoverageGap(level.at, None, level.source)
        return reacquire(replace(state, levels=(level,), unseen=unseen), level.at), []
    if abs(level.value - state.levels[-1].value) >= JUMP_PERCENT:
        return _jump(state, level, reading)
    return with_level(state, level, reading.event_id), []


def _jump(state: State, level: Level, reading: Reading) -> Result:
    state, events = lose_track(state, level.at, reading)
    if state.unseen is None:
        return state, events
    # Within one session a jump is a swap or a reset; a snapshot shows a change between two sessions.
    unseen = replace(state.unseen, until=level.at, jumped=not reading.snapshot, whole=False)
    return replace(state, levels=(level,), rise=None, unseen=unseen), events


def _pass_time(state: State, at: int, reading: Reading) -> Result:
    state, events = decide_after_gap(state, at, reading)
    if state.unseen:
        return state, events
    if state.rise and _is_over(state.rise, at):
        state, decided = conclude(state, state.rise.high_at + QUIET_MILLISECONDS, reading)
        events = events + decided
    state, confirmed = confirm_at_rest(state, at, reading)
    return state, events + confirmed


def _end_at_pause(state: State, level: Level, reading: Reading) -> Result:
    """Return the state without a rise that paused too long for the new high to belong to it."""
    rise = state.rise
    if (
        state.unseen
        or rise is None
        or level.value <= rise.high
        or level.at - rise.high_at <= PAUSE_MILLISECONDS
    ):
        return state, []
    return conclude_at_pause(state, level.at, reading)


def _is_over(rise: Rise, at: int) -> bool:
    # Where levels come later than the clock, the next high may still be on its way.
    return at - rise.high_at >= QUIET_MILLISECONDS and at - rise.seen_at >= PAUSE_MILLISECONDS


def _is_good(reading: Reading) -> bool:
    return reading.status_class is None or is_good_status(reading.status_class)


_FOLLOW: dict[str, Callable[[State, Reading], Result]] = {
    SIGNAL_ITEM: _follow_signal,
    PROCESSOR_ITEM: _follow_processor,
    TANK_ITEM: _follow_tank,
}
