"""The detector of the urine tank: a pure function of a state and a reading.

Time passes by readings alone: the station's clock ticks once a second, so a reading decides what waits.
"""

from collections.abc import Callable

from msgspec.structs import replace

from iss_agents.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM, as_number
from iss_agents.detection.conclusions import REMEMBERED_MILLISECONDS, Result, conclude, confirm_at_rest, settle
from iss_agents.detection.events import Event
from iss_agents.detection.levels import since
from iss_agents.detection.sight import lose_sight, regain_sight
from iss_agents.detection.state import Level, Rise, State, Unseen, including
from iss_agents.records import GOOD_STATUS, Reading

SILENCE_MILLISECONDS = 60_000
"""Without the clock, which ticks every second, for so long nobody watched (the feed's limit for silence)."""

LATE_MILLISECONDS = 30_000
"""A level measured so long before the clock's time was not seen to change: a snapshot, or what a gap hid."""

JUMP_PERCENT = 3.0
"""Between two readings a use and a bounce together make two at most."""

LOOK_BACK_MILLISECONDS = 30_000
"""A level above all of the last half minute may be the beginning of a rise."""

QUIET_MILLISECONDS = 45_000
"""A rise is over when no new high came for so long: at 0.1 % a second with a point of bounce it takes 30 s."""

KEPT_MILLISECONDS = 240_000
"""A rise that takes longer is none of a use, so its beginning may be forgotten."""

MOST_LEVELS = 1000
"""A bound for the state; flapping at its fastest makes 540 levels in the time that is kept."""

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
        lost, events = lose_sight(state, at, reading)
        return replace(lost, signal_lost=True), events
    state, events = _notice_silence(state, at, reading)
    state = regain_sight(replace(state, clock=at, signal_lost=False), at)
    state, decided = _pass_time(state, at, reading)
    return state, events + decided


def _notice_silence(state: State, at: int, reading: Reading) -> Result:
    if state.clock is None or at - state.clock <= SILENCE_MILLISECONDS:
        return state, []
    return lose_sight(state, state.clock, reading)


def _follow_tank(state: State, reading: Reading) -> Result:
    value = as_number(reading.value)
    # Exactly 0 is what broken broadcasts send; the processor stops at about 8 % (feed.md).
    if not value or not _is_good(reading):
        lost, events = lose_sight(state, reading.sequence, reading)
        return replace(lost, level_doubtful=True), events
    level = Level(reading.sequence, value, reading.source)
    state, events = _doubt_late(replace(state, level_doubtful=False), level, reading)
    state, passed = _pass_time(state, level.at, reading)
    state, taken = _take_level(state, level, reading)
    return state, events + passed + taken


def _doubt_late(state: State, level: Level, reading: Reading) -> Result:
    if state.clock is None or -LATE_MILLISECONDS <= level.at - state.clock <= SILENCE_MILLISECONDS:
        return state, []
    return lose_sight(state, min(state.clock, level.at), reading)


def _take_level(state: State, level: Level, reading: Reading) -> Result:
    if state.unseen:
        taken = replace(state, levels=_kept(state, level))
        return regain_sight(taken, max(level.at, state.clock or level.at)), []
    if not state.levels:
        unseen = Unseen(level.at, None, level.source)
        return regain_sight(replace(state, levels=(level,), unseen=unseen), level.at), []
    if abs(level.value - state.levels[-1].value) >= JUMP_PERCENT:
        return _jump(state, level, reading)
    recent = since(state.levels, level.at - LOOK_BACK_MILLISECONDS)
    rise = _risen(state.rise, recent, level, reading.event_id)
    return replace(state, levels=_kept(state, level), rise=rise), []


def _risen(rise: Rise | None, recent: tuple[Level, ...], level: Level, name: str) -> Rise | None:
    if rise is None:
        higher = level.value > max(earlier.value for earlier in recent)
        return Rise(level.at, level.value, level.at, name, name) if higher else None
    if level.value <= rise.high:
        return rise
    return replace(rise, high=level.value, high_at=level.at, high_by=name)


def _jump(state: State, level: Level, reading: Reading) -> Result:
    state, events = lose_sight(state, level.at, reading)
    if state.unseen is None:
        return state, events
    # Within one session a jump is a swap or a reset; a snapshot shows what came about between two sessions.
    unseen = replace(state.unseen, until=level.at, jumped=not reading.snapshot)
    return replace(state, levels=(level,), unseen=unseen), events


def _pass_time(state: State, at: int, reading: Reading) -> Result:
    if state.unseen:
        return settle(state, at, reading)
    events: list[Event] = []
    if state.rise and at - state.rise.high_at >= QUIET_MILLISECONDS:
        state, events = conclude(state, state.rise.high_at + QUIET_MILLISECONDS, reading)
    state, confirmed = confirm_at_rest(state, at, reading)
    return state, events + confirmed


def _kept(state: State, newest: Level) -> tuple[Level, ...]:
    begin = (state.rise.opened_at if state.rise else newest.at) - REMEMBERED_MILLISECONDS
    return since((*state.levels, newest), max(begin, newest.at - KEPT_MILLISECONDS))[-MOST_LEVELS:]


def _is_good(reading: Reading) -> bool:
    return reading.status_class is None or as_number(reading.status_class) == float(GOOD_STATUS)


_FOLLOW: dict[str, Callable[[State, Reading], Result]] = {
    SIGNAL_ITEM: _follow_signal,
    PROCESSOR_ITEM: _follow_processor,
    TANK_ITEM: _follow_tank,
}
