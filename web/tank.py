"""The urine tank now: how full it is, what it does, and when it was last used."""

from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents import catalog
from iss_agents.catalog import PROCESSOR_ITEM, TANK_ITEM
from iss_agents.detection.detector import LOOK_BACK_MILLISECONDS
from iss_agents.detection.judgement import LEAST_PERCENT
from iss_agents.detection.levels import rest
from iss_agents.detection.state import State
from iss_agents.records import decoder
from iss_agents.station_clock import rfc3339
from web.now import Now, now_of
from web.parameters import NoParameters, read_query
from web.signals import age_seconds
from web.spoken import duration
from web.uses import UseDocument
from web.view import NO_STORE, PartsView, Time, parts_of

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
    processor: str | None
    """The state of the urine processor, NORMAL while it works."""
    source_ts: Time | None
    """When the station measured the level."""
    age_seconds: float | None
    """How long ago that was. The level is sent only when it changes."""
    last_use: UseDocument | None
    """The newest use that was detected."""
    minutes_since_last_use: float | None
    """How long ago that use ended."""


@blueprint.route("/api/v1/tank", name="tank")
class TankView(PartsView):
    """The urine tank: level, state, last use."""

    reply: ClassVar[Any] = TankDocument

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        return self.answer(tank_document(now_of(parts_of(request))))


@blueprint.route("/api/v1/tank.txt", name="line")
class TankLineView(PartsView):
    """The urine tank in one line of text, for a terminal or a status bar."""

    media: ClassVar[tuple[str, ...]] = ("text/plain",)

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        line = tank_line(now_of(parts_of(request)))
        return self.text(line + "\n", content_type="text/plain", headers=dict(NO_STORE))


def tank_document(now: Now) -> TankDocument:
    """Return what a client reads of the tank."""
    level, processor = now.state.reading(TANK_ITEM), now.state.reading(PROCESSOR_ITEM)
    last = next(iter(now.uses()), None)
    return {
        "level": catalog.as_number(level.value) if level else None,
        "unit": "%",
        "state": _state(now),
        "processor": catalog.items()[PROCESSOR_ITEM].state(processor.value) if processor else None,
        "source_ts": rfc3339(level.source_ts) if level else None,
        "age_seconds": age_seconds(level, now.at) if level else None,
        "last_use": last,
        "minutes_since_last_use": _minutes_since(last, now.at) if last else None,
    }


def tank_line(now: Now) -> str:
    """Return for example `Urine tank 43 %, steady, last use 12 min ago`; says so if it is not live."""
    tank = tank_document(now)
    if tank["level"] is None:
        return f"Urine tank unknown. {now.silence.sentence}" if not now.alive else "Urine tank never measured"
    level = f"Urine tank {tank['level']:g} %"
    use = f", last use {_ago(tank['last_use'], now.at)} ago" if tank["last_use"] else ""
    if not now.alive:
        return f"{level} when last measured{use}. {now.silence.sentence}"
    return f"{level}, {_said(tank['state'])}{use}"


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
    before = rest(state.levels, opened_at - LOOK_BACK_MILLISECONDS, opened_at)
    return state.rise.high - before.mean >= LEAST_PERCENT


def _state(now: Now) -> TankState:
    value = now.state.replica.value("tank_levels", TANK_ITEM)
    if value is None or now.signal_state != "AOS" or now.is_stale(now.state.reading(TANK_ITEM)):
        return "unknown"
    try:
        return tank_state(decode_detected(value).state)
    except msgspec.DecodeError:
        return "unknown"


def _said(state: TankState) -> str:
    return "not followed now" if state == "unknown" else state


def _minutes_since(use: UseDocument, now: datetime) -> float:
    return max(0.0, round((now - datetime.fromisoformat(use["end"])).total_seconds() / 60, 1))


def _ago(use: UseDocument, now: datetime) -> str:
    return duration(now - datetime.fromisoformat(use["end"]))
