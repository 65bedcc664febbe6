"""Stream of changes: server-sent events for pages and programs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp.web import Request, StreamResponse
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from web.api.status import StatusDocument
from web.base.parameters import ItemId, SourceQuery, read_query
from web.base.problems import unavailable
from web.base.view import NO_STORE, WorkerView, context_of
from web.current.item_documents import ItemDocument
from web.current.snapshot import now_of
from web.edge.client_address import client_of
from web.edge.client_limit import require_few
from web.sse.broadcast import BROADCAST, Broadcast, HeartbeatEvent, UsesEvent
from web.sse.frames import Wanted, seen_version, stream_name
from web.sse.listener import Listener

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


class StreamQuery(SourceQuery):
    """What to follow."""

    item: list[ItemId] = Field(default_factory=list, max_length=MOST_ITEMS)
    """An item, given once or more; all items if left out."""


class ItemsEvent(TypedDict):
    """Items that changed, each as it is now; at first all that were asked for."""

    items: list[ItemDocument]
    """Not more often than four times a second; what changed in between is left out."""


@blueprint.route("/api/v1/stream", name="stream")
class StreamView(WorkerView):
    """Live changes of items, status and uses.

    First everything is sent, then changes, at most four times a second; the status at least every 5 s, and
    a heartbeat in every second without anything else.
    A client that reconnects with `Last-Event-ID` gets what changed since, if this worker knows.
    A client that reads nothing for 10 s is disconnected.
    """

    query = StreamQuery
    media: ClassVar[tuple[str, ...]] = (MEDIA,)
    events: ClassVar[Mapping[str, Any]] = {
        "items": ItemsEvent,
        "status": StatusDocument,
        "uses": UsesEvent,
        "heartbeat": HeartbeatEvent,
    }
    problems: ClassVar[frozenset[HTTPStatus]] = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})

    async def head(self, request: Request) -> Response:
        read_query(StreamQuery, request)
        return self.bytes(b"", content_type=MEDIA, headers=dict(HEADERS))

    async def get(self, request: Request) -> StreamResponse:
        query = read_query(StreamQuery, request)
        now = now_of(context_of(request), query.source)
        broadcast = request.app[BROADCAST]
        if broadcast.closing or len(broadcast.listeners) >= MOST_LISTENERS:
            detail = f"This worker has {MOST_LISTENERS} open streams, or is about to end; try again later"
            raise unavailable(detail, retry_after=RETRY_SECONDS)
        detail = f"A client may have {MOST_OF_ONE} open streams; close one of them"
        clients = (listener.client for listener in broadcast.listeners)
        require_few(clients, client_of(request).name, MOST_OF_ONE, detail, RETRY_SECONDS)
        response = StreamResponse(headers={**HEADERS, "Content-Type": MEDIA})
        last_id, version = request.headers.get("Last-Event-ID", ""), now.state.replica.version
        seen = seen_version(last_id, stream_name(now), version)
        listener = Listener(request, response, now.source, tuple(dict.fromkeys(query.item)), seen)
        with broadcast.listening(listener):
            await listener.open()
            await _follow(broadcast, listener)
        return response


async def _follow(broadcast: Broadcast, listener: Listener) -> None:
    data = RETRY
    while not broadcast.closing:
        data += _unseen(broadcast, listener)
        if not data:
            await broadcast.next_tick()
        elif not await listener.send(data):
            return
        # Check again before waiting: a tick may have passed during the send.
        data = b""


def _unseen(broadcast: Broadcast, listener: Listener) -> bytes:
    """Return what the listener has not seen yet, and mark it as seen."""
    unseen, channel = [], broadcast.channel(listener.source)
    if listener.status_number != channel.status_number:
        listener.status_number = channel.status_number
        unseen.append(channel.status)
    if listener.uses_number != channel.uses_number:
        listener.uses_number = channel.uses_number
        unseen.append(channel.uses)
    if listener.seen != channel.items.version:
        unseen.append(channel.items.of(Wanted(listener.items, listener.seen)))
        listener.seen = channel.items.version
    if listener.beat_number != broadcast.beat_number:
        listener.beat_number = broadcast.beat_number
        # Of items that this client does not want, or of another source, there is nothing to send.
        unseen = unseen if any(unseen) else [broadcast.beat]
    return b"".join(unseen)
