"""The current state of every item of the catalogue, and whether the station's signal is acquired."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp.web import Request
from faust.web import Blueprint, Response

from iss_agents import catalog
from iss_agents.catalog import Item
from iss_agents.records import GOOD_STATUS, Reading
from iss_agents.station_clock import rfc3339
from web.parameters import EXPECTED_ITEM, NoParameters, read_query
from web.problems import Problem
from web.state import StateView
from web.view import PartsView, parts_of, present

blueprint = Blueprint("items")

Signal = Literal["AOS", "LOS", "STALE", "UNKNOWN"]

FRESH = timedelta(seconds=60)
"""How old the station's clock may be, by the wall clock, while the signal counts as acquired.

The clock comes once a second, about 6 s late at best, and users measured 30 s; the public clients draw the
line between 5 and 60 s (feed.md, AOS/LOS). 60 s does not flap at any of these delays, and the station says
itself when the signal is lost: the age is only for a broadcast that has stopped.
"""


@blueprint.route("/api/v1/items", name="list")
class ItemsView(PartsView):
    """All items of the catalogue, never measured ones too."""

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        state = present(parts_of(request).state, "web")
        now = datetime.now(UTC)
        items = [item_document(item, state.reading(item.item_id), now) for item in catalog.items().values()]
        return self.answer(
            {"signal": signal(state, now), "complete": state.ready, "count": len(items), "items": items}
        )


@blueprint.route("/api/v1/items/{item_id}", name="one")
class ItemView(PartsView):
    """One item of the catalogue."""

    async def get(self, request: Request, item_id: str) -> Response:
        read_query(NoParameters, request)
        item = catalog.items().get(item_id)
        if item is None:
            raise Problem(
                404,
                f"There is no item {item_id}",
                parameter="item_id",
                value=item_id,
                expected=EXPECTED_ITEM,
            )
        state = present(parts_of(request).state, "web")
        return self.answer(item_document(item, state.reading(item_id), datetime.now(UTC)))


def signal(state: StateView, now: datetime) -> dict[str, Any]:
    """Return whether the station's signal is acquired at `now`, and what says so."""
    reading = state.reading(catalog.SIGNAL_ITEM)
    return {"state": signal_state(reading, now), **_times(reading, now)}


def signal_state(reading: Reading | None, now: datetime) -> Signal:
    """Return what the newest reading of the station's clock says of the signal at `now`."""
    if reading is None:
        return "UNKNOWN"
    if reading.status_class != GOOD_STATUS:
        return "LOS"
    return "AOS" if now - reading.source_ts <= FRESH else "STALE"


def item_document(item: Item, reading: Reading | None, now: datetime) -> dict[str, Any]:
    """Return what a client reads of an item; what was never measured is None."""
    return {
        "item_id": item.item_id,
        "name": item.name,
        "discipline": item.discipline,
        "unit": item.unit,
        "measured": reading is not None,
        "value": reading and reading.value,
        "number": reading and catalog.as_number(reading.value),
        "state": reading and item.state(reading.value),
        **_times(reading, now),
        "ingest_ts": reading and rfc3339(reading.ingest_ts),
        "status_class": reading and reading.status_class,
        "snapshot": reading and reading.snapshot,
        "source": reading and reading.source,
    }


def _times(reading: Reading | None, now: datetime) -> dict[str, Any]:
    if reading is None:
        return {"source_ts": None, "age_seconds": None}
    age = (now - reading.source_ts).total_seconds()
    return {"source_ts": rfc3339(reading.source_ts), "age_seconds": round(age, 3)}
