"""Items: the current state of every item of the catalogue, and the signal."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import Item
from iss_agents.telemetry.item_search import best_first
from web.base.parameters import EXPECTED_ITEM, SourceQuery, read_query
from web.base.problems import Problem
from web.base.view import WorkerView, context_of
from web.current.described_items import DescribedItemDocument, described_item, described_items
from web.current.signal import SignalDocument
from web.current.snapshot import Now, complete_now, now_of

blueprint = Blueprint("items")

DISCIPLINES = sorted({item.discipline for item in catalog.items().values()})
MOST_CHARACTERS = 100


def _discipline(value: object) -> str:
    if str(value).upper() not in DISCIPLINES:
        raise PydanticCustomError("discipline", "one of " + ", ".join(DISCIPLINES))
    return str(value).upper()


Discipline = Annotated[
    str, BeforeValidator(_discipline), WithJsonSchema({"type": "string", "enum": DISCIPLINES})
]


class ItemsQuery(SourceQuery):
    """Which items are wanted: those that fit everything given."""

    discipline: Discipline | None = None
    """The discipline of the flight controllers that the item belongs to, in letters of any case."""
    text: str | None = Field(default=None, max_length=MOST_CHARACTERS)
    """Words of the name, plain name, synonyms, id, discipline, unit or decoded state, in any case."""
    stale: Literal["true", "false"] | None = None
    """Whether the value may be out of date: its freshness is stuck, not_seen or never."""


class ItemsReply(TypedDict):
    """The items that were asked for."""

    signal: SignalDocument
    """What the station's clock says of the signal."""
    complete: bool
    """Whether this worker has read all that is known; false for a moment after its start."""
    count: int
    """How many items follow."""
    items: list[DescribedItemDocument]
    """The items: those that fit `text` best come first; without it they are in the order of the catalogue."""


@blueprint.route("/api/v1/items", name="list")
class ItemsView(WorkerView):
    """All items of the catalogue, including those never measured."""

    query = ItemsQuery
    reply: ClassVar[Any] = ItemsReply

    async def get(self, request: Request) -> Response:
        query = read_query(ItemsQuery, request)
        now = now_of(context_of(request), query.source)
        items = described_items(now, _chosen(query, now))
        reply: dict[str, Any] = {
            "signal": now.signal(),
            "complete": now.state.ready,
            "count": len(items),
            "items": items,
        }
        return self.answer(reply)


@blueprint.route("/api/v1/items/{item_id}", name="one")
class ItemView(WorkerView):
    """One item of the catalogue."""

    query = SourceQuery
    reply: ClassVar[Any] = DescribedItemDocument

    async def get(self, request: Request, item_id: str) -> Response:
        query = read_query(SourceQuery, request)
        item = catalog.find(item_id)
        if item is None:
            raise Problem(
                404,
                f"There is no item {item_id}",
                parameter="item_id",
                value=item_id,
                expected=EXPECTED_ITEM,
            )
        now = complete_now(context_of(request), query.source)
        return self.answer(described_item(item, now.reading(item.item_id), now))


def _chosen(query: ItemsQuery, now: Now) -> list[Item]:
    return best_first(query.text or "", ((item, _state(item, now)) for item in _filtered(query, now)))


def _filtered(query: ItemsQuery, now: Now) -> Iterator[Item]:
    for item in catalog.items().values():
        if query.discipline and item.discipline != query.discipline:
            continue
        if query.stale is None or now.is_stale(item.item_id) == (query.stale == "true"):
            yield item


def _state(item: Item, now: Now) -> str:
    reading = now.reading(item.item_id)
    return (reading and item.state(reading.value)) or ""
