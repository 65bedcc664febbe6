"""What changes, as it changes: server-sent events for pages and programs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp.web import Request, StreamResponse
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from web.broadcast import BROADCAST, Broadcast, UsesEvent
from web.clients import client_of
from web.frames import Wanted, seen_version
from web.item_documents import ItemDocument
from web.listener import Listener
from web.parameters import ItemId, Query, read_query
from web.problems import too_many, unavailable
from web.status import StatusDocument
from web.view import NO_STORE, PartsView, parts_of, present

blueprint = Blueprint("stream")

MEDIA = "text/event-stream"
# The second keeps a proxy from holding events back until it has many.
HEADERS = {**NO_STORE, "X-Accel-Buffering": "no"}

MOST_LISTENERS = 2000
MOST_OF_ONE = 100
"""Streams that one client may have open: every page in every tab of a browser has one."""

MOST_ITEMS = 100
RETRY = b"retry: 2000\n\n"
RETRY_SECONDS = 10


class StreamQuery(Query):
    """What is to be followed."""

    item: list[ItemId] = Field(default_factory=list, max_length=MOST_ITEMS)
    """An item, given once or more; all items if left out."""


class ItemsEvent(TypedDict):
    """Items that changed, each as it is now; at first all that were asked for."""

    items: list[ItemDocument]
    """Not more often than four times a second; what changed in between is left out."""


@blueprint.route("/api/v1/stream", name="stream")
class StreamView(PartsView):
    """What changes, as it changes: items, status, uses.

    First comes everything, then what changes, at most four times a second; a status comes at least every 5 s.
    A client that comes back with `Last-Event-ID` gets what changed since, if this worker can tell.
    A client that takes nothing for 10 s is dropped.
    """

    query = StreamQuery
    media: ClassVar[tuple[str, ...]] = (MEDIA,)
    events: ClassVar[Mapping[str, Any]] = {"items": ItemsEvent, "status": StatusDocument, "uses": UsesEvent}
    problems: ClassVar[frozenset[HTTPStatus]] = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})

    async def head(self, request: Request) -> Response:
        read_query(StreamQuery, request)
        return self.bytes(b"", content_type=MEDIA, headers=dict(HEADERS))

    async def get(self, request: Request) -> StreamResponse:
        query = read_query(StreamQuery, request)
        replica = present(parts_of(request).state, "web").replica
        broadcast = request.app[BROADCAST]
        if broadcast.closing or len(broadcast.listeners) >= MOST_LISTENERS:
            detail = f"This worker has {MOST_LISTENERS} open streams, or is about to end; try again later"
            raise unavailable(detail, retry_after=RETRY_SECONDS)
        _require_place(broadcast, client_of(request).name)
        response = StreamResponse(headers={**HEADERS, "Content-Type": MEDIA})
        seen = seen_version(request.headers.get("Last-Event-ID", ""), replica.name, replica.version)
        listener = Listener(request, response, tuple(dict.fromkeys(query.item)), seen)
        with broadcast.listening(listener):
            await listener.open()
            await _follow(broadcast, listener)
        return response


def _require_place(broadcast: Broadcast, client: str) -> None:
    if sum(listener.client == client for listener in broadcast.listeners) >= MOST_OF_ONE:
        detail = f"A client may have {MOST_OF_ONE} open streams; close one of them"
        raise too_many(detail, retry_after=RETRY_SECONDS)


async def _follow(broadcast: Broadcast, listener: Listener) -> None:
    data = RETRY
    while not broadcast.closing:
        data += _news(broadcast, listener)
        if not data:
            await broadcast.next_tick()
        elif not await listener.send(data):
            return
        # Once more before it waits: a tick may have gone by while the client took it.
        data = b""


def _news(broadcast: Broadcast, listener: Listener) -> bytes:
    """Return what the listener has not seen yet, and note that it has."""
    news = []
    if listener.status_number != broadcast.status_number:
        listener.status_number = broadcast.status_number
        news.append(broadcast.status)
    if listener.uses_number != broadcast.uses_number:
        listener.uses_number = broadcast.uses_number
        news.append(broadcast.uses)
    if broadcast.items and listener.seen != broadcast.items.version:
        news.append(broadcast.items.of(Wanted(listener.items, listener.seen)))
        listener.seen = broadcast.items.version
    return b"".join(news)
