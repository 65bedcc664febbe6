"""The current state of every item of the catalogue, and whether the station's signal is acquired."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from iss_agents import catalog
from iss_agents.catalog import Item
from web.item_documents import ItemDocument, encoded_items, item_document
from web.now import Now, now_of
from web.parameters import EXPECTED_ITEM, NoParameters, Query, read_query
from web.problems import Problem
from web.signals import SignalDocument
from web.view import PartsView, parts_of

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


class ItemsQuery(Query):
    """Which items are wanted: those that fit everything given."""

    discipline: Discipline | None = None
    """The discipline of the flight controllers that the item belongs to, in letters of any case."""
    text: str | None = Field(default=None, max_length=MOST_CHARACTERS)
    """A part of the id, the name or the decoded state, in letters of any case."""
    stale: Literal["true", "false"] | None = None
    """Whether the value may be no longer true."""


class ItemsReply(TypedDict):
    """The items that were asked for."""

    signal: SignalDocument
    """What the station's clock says of the signal."""
    complete: bool
    """Whether this worker has read all that is known; false for a moment after its start."""
    count: int
    """How many items follow."""
    items: list[ItemDocument]
    """The items in the order of the catalogue."""


@blueprint.route("/api/v1/items", name="list")
class ItemsView(PartsView):
    """All items of the catalogue, never measured ones too."""

    query = ItemsQuery
    reply: ClassVar[Any] = ItemsReply

    async def get(self, request: Request) -> Response:
        query = read_query(ItemsQuery, request)
        now = now_of(parts_of(request))
        items = encoded_items(now, _chosen(query, now))
        reply: dict[str, Any] = {
            "signal": now.signal(),
            "complete": now.state.ready,
            "count": len(items),
            "items": items,
        }
        return self.answer(reply)


@blueprint.route("/api/v1/items/{item_id}", name="one")
class ItemView(PartsView):
    """One item of the catalogue."""

    reply: ClassVar[Any] = ItemDocument

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
        now = now_of(parts_of(request))
        return self.answer(item_document(item, now.state.reading(item_id), now))


def _chosen(query: ItemsQuery, now: Now) -> Iterator[Item]:
    text = (query.text or "").casefold()
    for item in catalog.items().values():
        if query.discipline and item.discipline != query.discipline:
            continue
        if text and text not in _words(item, now).casefold():
            continue
        if query.stale is None or now.is_stale(now.state.reading(item.item_id)) == (query.stale == "true"):
            yield item


def _words(item: Item, now: Now) -> str:
    reading = now.state.reading(item.item_id)
    state = (reading and item.state(reading.value)) or ""
    # A line break between them: a text that is looked for must lie within one.
    return f"{item.item_id}\n{item.name}\n{state}"
