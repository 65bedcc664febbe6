"""Status: signal, outage, tank, and the health of this worker."""

from typing import Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents.telemetry import catalog
from iss_agents.telemetry.records import Reading, Source
from iss_agents.telemetry.station_clock import rfc3339
from web.api.health import ComponentHealth, PartDocument, check_components, part_documents
from web.api.tank import TankDocument, tank_document
from web.base.parameters import SourceQuery, read_query
from web.base.view import Time, WorkerView, context_of
from web.current.outage import SilentDocument
from web.current.signal import SignalDocument, age_seconds
from web.current.snapshot import Now, now_of

blueprint = Blueprint("status")


class NewestDocument(TypedDict):
    """The reading received last."""

    item_id: str
    """The item."""
    name: str
    """What it is called."""
    source_ts: Time
    """When the station took it."""
    ingest_ts: Time
    """When it was received."""
    age_seconds: float
    """How long ago the station took it."""


class CountsDocument(TypedDict):
    """How many items there are."""

    measured: int
    """Items with a reading."""
    known: int
    """Items of the catalogue."""


class StatusDocument(TypedDict):
    """The status of everything."""

    now: Time
    """The time of the worker."""
    source: Source
    """Whose status it is: isslive is the station; simulated and test do not come from space."""
    complete: bool
    """Whether this worker has read all that is known; false for a moment after its start."""
    signal: SignalDocument
    """What the station's clock says of the signal."""
    silent: SilentDocument
    """Whether the station, the public feed or this system is silent."""
    newest: NewestDocument | None
    """The reading received last; null if there was none."""
    items: CountsDocument
    """How many items are measured."""
    tank: TankDocument
    """The urine tank now."""
    parts: dict[str, PartDocument]
    """The components of this worker, as in /healthz."""


@blueprint.route("/api/v1/status", name="status")
class StatusView(WorkerView):
    """Status of everything: signal, outage, tank, components of this worker."""

    query = SourceQuery
    reply: ClassVar[Any] = StatusDocument

    async def get(self, request: Request) -> Response:
        query = read_query(SourceQuery, request)
        context = context_of(request)
        components = await check_components(context)
        return self.answer(status_document(now_of(context, query.source), components))


def status_document(now: Now, components: dict[str, ComponentHealth]) -> StatusDocument:
    """Return what a client reads of everything; `components` is how the parts of this worker are."""
    replica = now.state.replica
    newest = replica.newest(now.source)
    return {
        "now": rfc3339(now.at),
        "source": now.source,
        "complete": now.state.ready,
        "signal": now.signal(),
        "silent": now.outage.document(),
        "newest": _newest(newest, now) if newest else None,
        "items": {"measured": replica.measured(now.source), "known": len(catalog.items())},
        "tank": tank_document(now),
        "parts": part_documents(components),
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
