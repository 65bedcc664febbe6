"""Urine tank: its level and state now, and its last use."""

from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents.detection.classification import LEAST_PERCENT
from iss_agents.detection.levels import level_stats
from iss_agents.detection.progress import in_use_since
from iss_agents.detection.rising import LOOK_BACK_MILLISECONDS
from iss_agents.detection.state import State
from iss_agents.runtime.durations import in_words
from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, TANK_ITEM
from iss_agents.telemetry.plain_words import TRENDS
from iss_agents.telemetry.records import decoder
from iss_agents.telemetry.series import detector_of
from iss_agents.telemetry.station_clock import from_milliseconds, rfc3339
from web.base.parameters import SourceQuery, read_query
from web.base.view import NO_STORE, Time, WorkerView, context_of
from web.current.signal import SignalState, age_seconds
from web.current.snapshot import Now, complete_now
from web.current.uses import UseDocument

blueprint = Blueprint("tank")

TankState = Literal["filling", "draining", "steady", "unknown"]


class Detected(msgspec.Struct):
    """The value of the Table `tank_levels`."""

    state: State


decode_detected = decoder(Detected)


class TankDocument(TypedDict):
    """The urine tank."""

    level: float | None
    """How full it is; null if that was never measured."""
    unit: str
    """What the level is measured in: percent."""
    state: TankState
    """filling: somebody seems to use the toilet; draining: the processor takes from it; steady; unknown: the
    level is not followed now, so it may differ from the one shown."""
    in_use_since: Time | None
    """When a rise started that is probably a use, from 20 s after its start until it rests; null otherwise. The
    event, if it is one, follows about a minute later."""
    processor: str | None
    """The state of the urine processor, NORMAL while it works."""
    source_ts: Time | None
    """When the station measured the level."""
    age_seconds: float | None
    """How long ago that was. The level is sent only when it changes."""
    stale: bool
    """Whether the level may not be what it is now: nothing comes in, or it is old."""
    signal: SignalState
    """Whether the station's signal is acquired."""
    complete: bool
    """Whether this worker has read all that is known; /api/v1/tank itself answers 503 until then."""
    last_use: UseDocument | None
    """The newest use that was detected."""
    minutes_since_last_use: float | None
    """How long ago that use ended."""


@blueprint.route("/api/v1/tank", name="tank")
class TankView(WorkerView):
    """The urine tank: level, state, last use."""

    query = SourceQuery
    reply: ClassVar[Any] = TankDocument

    async def get(self, request: Request) -> Response:
        query = read_query(SourceQuery, request)
        return self.answer(tank_document(complete_now(context_of(request), query.source)))


@blueprint.route("/api/v1/tank.txt", name="line")
class TankLineView(WorkerView):
    """The urine tank in one line of text, for a terminal or a status bar."""

    query = SourceQuery
    media: ClassVar[tuple[str, ...]] = ("text/plain",)

    async def get(self, request: Request) -> Response:
        query = read_query(SourceQuery, request)
        line = tank_line(complete_now(context_of(request), query.source))
        return self.text(line + "\n", content_type="text/plain", headers=dict(NO_STORE))


def tank_document(now: Now) -> TankDocument:
    """Return what a client reads of the tank."""
    tracked = _tracked(now)
    since = in_use_since(tracked) if tracked else None
    level, processor = now.reading(TANK_ITEM), now.reading(PROCESSOR_ITEM)
    last = next(iter(now.uses()), None)
    return {
        "level": catalog.as_number(level.value) if level else None,
        "unit": "%",
        "state": tank_state(tracked) if tracked else "unknown",
        "in_use_since": rfc3339(from_milliseconds(since)) if since else None,
        "processor": catalog.items()[PROCESSOR_ITEM].state(processor.value) if processor else None,
        "source_ts": rfc3339(level.source_ts) if level else None,
        "age_seconds": age_seconds(level, now.at) if level else None,
        "stale": now.is_stale(TANK_ITEM),
        "signal": now.signal_state,
        "complete": now.state.ready,
        "last_use": last,
        "minutes_since_last_use": _minutes_since(last, now.at) if last else None,
    }


def tank_line(now: Now) -> str:
    """Return for example `Urine tank 43 %, steady, last use 12 min ago`; says so if it is not live."""
    tank = tank_document(now)
    if tank["level"] is None:
        return f"Urine tank unknown. {now.outage.sentence}" if not now.alive else "Urine tank never measured"
    level = f"Urine tank {tank['level']:g} %"
    use = f", last use {_ago(tank['last_use'], now.at)} ago" if tank["last_use"] else ""
    if not now.alive:
        return f"{level} when last measured{use}. {now.outage.sentence}"
    return f"{level}, {_said(tank)}{use}"


def tank_state(state: State) -> TankState:
    """Return what the tank does, by what its detector remembers while readings flow.

    One step up opens a rise, and flapping makes such steps for hours: only what has the height of a use counts.
    """
    if not state.levels or state.unseen or state.signal_lost or state.level_doubtful:
        return "unknown"
    if state.pending or _rises(state):
        return "filling"
    fell = any(later.value < level.value for level, later in pairwise(state.levels))
    return "draining" if state.processor_running and fell else "steady"


def _rises(state: State) -> bool:
    if state.rise is None:
        return False
    opened_at = state.rise.opened_at
    before = level_stats(state.levels, opened_at - LOOK_BACK_MILLISECONDS, opened_at)
    return state.rise.high - before.mean >= LEAST_PERCENT


def _tracked(now: Now) -> State | None:
    """Return what the detector knows of the tank, None unless that is current."""
    value = now.state.replica.value("tank_levels", detector_of(now.source))
    if value is None or now.signal_state != "AOS" or now.is_stale(TANK_ITEM):
        return None
    try:
        return decode_detected(value).state
    except msgspec.DecodeError:
        return None


def _said(tank: TankDocument) -> str:
    if tank["in_use_since"]:
        return "probably in use"
    return TRENDS.get(tank["state"], tank["state"])


def _minutes_since(use: UseDocument, now: datetime) -> float:
    return max(0.0, round((now - datetime.fromisoformat(use["end"])).total_seconds() / 60, 1))


def _ago(use: UseDocument, now: datetime) -> str:
    return in_words(now - datetime.fromisoformat(use["start"]))
