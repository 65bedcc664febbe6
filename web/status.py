"""Everything one look should tell: signal, who is silent, tank, and how this worker is."""

from typing import Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents import catalog
from iss_agents.records import Reading
from iss_agents.station_clock import rfc3339
from web.health import Judgement, PartDocument, judge, part_documents
from web.now import Now, now_of
from web.parameters import NoParameters, read_query
from web.signals import SignalDocument, age_seconds
from web.silence import SilentDocument
from web.tank import TankDocument, tank_document
from web.view import PartsView, Time, parts_of

blueprint = Blueprint("status")


class NewestDocument(TypedDict):
    """The reading that came in last, test readings left out."""

    item_id: str
    """The item."""
    name: str
    """What it is called."""
    source_ts: Time
    """When the station took it."""
    ingest_ts: Time
    """When it came in."""
    age_seconds: float
    """How long ago the station took it."""


class CountsDocument(TypedDict):
    """How many items there are."""

    measured: int
    """Items with a reading."""
    known: int
    """Items of the catalogue."""


class StatusDocument(TypedDict):
    """How everything is now."""

    now: Time
    """The time of the worker."""
    complete: bool
    """Whether this worker has read all that is known; false for a moment after its start."""
    signal: SignalDocument
    """What the station's clock says of the signal."""
    silent: SilentDocument
    """Whether the station, the public feed or this system is silent."""
    newest: NewestDocument | None
    """The reading that came in last; null if none ever did."""
    items: CountsDocument
    """How many items are measured."""
    tank: TankDocument
    """The urine tank now."""
    parts: dict[str, PartDocument]
    """The parts of this worker, as /healthz has them."""


@blueprint.route("/api/v1/status", name="status")
class StatusView(PartsView):
    """How everything is: signal, who is silent, the tank, the parts of this worker."""

    reply: ClassVar[Any] = StatusDocument

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        parts = parts_of(request)
        judged = await judge(parts)
        return self.answer(status_document(now_of(parts), judged))


def status_document(now: Now, judged: dict[str, Judgement]) -> StatusDocument:
    """Return what a client reads of everything; `judged` is how the parts of this worker are."""
    replica = now.state.replica
    return {
        "now": rfc3339(now.at),
        "complete": now.state.ready,
        "signal": now.signal(),
        "silent": now.silence.document(),
        "newest": _newest(replica.newest, now) if replica.newest else None,
        "items": {"measured": replica.measured(), "known": len(catalog.items())},
        "tank": tank_document(now),
        "parts": part_documents(judged),
    }


def _newest(reading: Reading, now: Now) -> NewestDocument:
    item = catalog.items().get(reading.item_id)
    return {
        "item_id": reading.item_id,
        "name": item.name if item else reading.item_id,
        "source_ts": rfc3339(reading.source_ts),
        "ingest_ts": rfc3339(reading.ingest_ts),
        "age_seconds": age_seconds(reading, now.at),
    }
