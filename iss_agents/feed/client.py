"""The Lightstreamer session: the only file that knows the client library and its names."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from lightstreamer.client import ClientListener, LightstreamerClient, Subscription, SubscriptionListener

from iss_agents.feed.update import FIELDS, Update
from iss_agents.station_clock import milliseconds

logger = logging.getLogger(__name__)

KEEPALIVE_MS = 1000
"""The library notices a closed socket only by missing keepalives, so that this bounds how late it does:
keepalive + 2 s + 3 s (lightstreamer.md 1.6). The server's own choice would be 5 s."""

HANDOVER_LIMIT = 100_000
"""Updates that may wait for the loop: 50 s of the most the library can deliver, about 100 MB."""

DISCONNECT_SECONDS = 2.0
"""The library answers a disconnect within half a second; longer than this it never will."""

FINAL = "DISCONNECTED"
"""The status in which the library has given up. `DISCONNECTED:WILL-RETRY` and the like are not final."""


class StationClient:
    """One use of the library: a subscription to all items, from `connect` to `disconnect`.

    A server that does not know one of them refuses them all: then each item is asked for apart.

    The callbacks are called on the loop that called `connect`: `on_updates` with what came in since the last
    call, `on_status` with each status of the library, `on_failure` with code and message when the server
    refuses the session, `on_refused_item` with an item that it does not send and why, `on_lost_updates` with
    an item and how many of its updates are lost. After `FINAL` or `on_failure` nothing more comes, and after
    `disconnect` no callback is called: make a new client.
    """

    def __init__(
        self,
        url: str,
        adapter_set: str,
        items: Sequence[str],
        on_updates: Callable[[list[Update]], None],
        on_status: Callable[[str], None],
        on_failure: Callable[[int, str], None],
        on_refused_item: Callable[[str, str], None],
        on_lost_updates: Callable[[str, int], None],
    ) -> None:
        self._client = LightstreamerClient(url, adapter_set)
        self._client.connectionOptions.setKeepaliveInterval(KEEPALIVE_MS)
        self._items = list(items)
        self._on_updates = on_updates
        self._on_status = on_status
        self._on_failure = on_failure
        self._on_refused_item = on_refused_item
        self._on_lost_updates = on_lost_updates
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._lock = Lock()
        self._waiting: list[Update] = []
        self._loop_is_awake = False
        self._closed = False
        self._session = 0
        self._begun: set[str] = set()

    def connect(self) -> None:
        """Begin to connect. Returns at once; what happens is told by the callbacks."""
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._client.addListener(_SessionListener(self))
        self._subscribe(self._items)
        self._client.connect()

    async def disconnect(self) -> None:
        """End the session and return when it has ended, everything that came in handed over.

        A session that does not end in `DISCONNECT_SECONDS` is not listened to any longer: what it still sends
        would mix with its successor's.
        """
        # Not by the library's status: it says DISCONNECTED, too, until it has begun to connect.
        if not self._ended.is_set():
            self._client.disconnect()
            await self._wait_until_ended()
        self._hand_over()
        self._closed = True

    async def _wait_until_ended(self) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), DISCONNECT_SECONDS)
        except TimeoutError:
            logger.warning("The Lightstreamer client did not end within %s s", DISCONNECT_SECONDS)

    def _subscribe(self, items: list[str]) -> None:
        subscription = Subscription("MERGE", items, list(FIELDS))
        subscription.setRequestedSnapshot("yes")
        subscription.setRequestedMaxFrequency("unlimited")
        subscription.addListener(_ItemListener(self, subscription))
        self._client.subscribe(subscription)

    def begin(self, items: Sequence[str]) -> None:
        """Note that the server begins to send items, which each does once a session."""
        if not self._session or not self._begun.isdisjoint(items):
            self._session = milliseconds(datetime.now(UTC))
            self._begun.clear()
        self._begun.update(items)

    def receive(self, item_id: str, fields: dict[str, str | None], *, snapshot: bool) -> None:
        """Keep what came in now. Called on the library's thread."""
        self.keep(Update(item_id, fields, snapshot, self._session, datetime.now(UTC)))

    def keep(self, update: Update) -> None:
        """Keep an update and wake the loop, unless it is awake already. Called on the library's thread."""
        if self._closed:
            return
        with self._lock:
            if len(self._waiting) >= HANDOVER_LIMIT:
                self.call(self._on_lost_updates, update.item_id, 1)
                return
            self._waiting.append(update)
            wake, self._loop_is_awake = not self._loop_is_awake, True
        if wake:
            self.call(self._hand_over)

    def change_status(self, status: str) -> None:
        """Pass on a status of the library. Called on the library's thread."""
        self.call(self._on_status, status)
        if status == FINAL:
            self.call(self._ended.set)

    def fail(self, code: int, message: str) -> None:
        """Pass on that the server refused. Called on the library's thread."""
        self.call(self._on_failure, code, message)

    def refuse(self, subscription: Any, reason: str) -> None:
        """Ask for each item apart, or pass on that one is not sent. Called on the library's thread."""
        self._client.unsubscribe(subscription)
        items = subscription.getItems()
        if len(items) == 1:
            self.call(self._on_refused_item, items[0], reason)
            return
        for item_id in items:
            self._subscribe([item_id])

    def lose(self, item_id: str, count: int) -> None:
        """Pass on that the server dropped updates. Called on the library's thread."""
        self.call(self._on_lost_updates, item_id, count)

    def call(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Run a callback on the loop, unless the client is closed by then."""
        # The loop itself may have ended, too.
        if not self._closed:
            self._loop.call_soon_threadsafe(self._run, callback, *arguments)

    def _run(self, callback: Callable[..., None], *arguments: Any) -> None:
        if not self._closed:
            callback(*arguments)

    def _hand_over(self) -> None:
        with self._lock:
            updates, self._waiting = self._waiting, []
            self._loop_is_awake = False
        if updates:
            self._on_updates(updates)


class _SessionListener(ClientListener):  # type: ignore[misc]
    def __init__(self, client: StationClient) -> None:
        self._client = client

    def onStatusChange(self, status: str) -> None:  # noqa: N802 - the library's name
        self._client.change_status(status)

    def onServerError(self, code: int, message: str) -> None:  # noqa: N802 - the library's name
        self._client.fail(code, message)


class _ItemListener(SubscriptionListener):  # type: ignore[misc]
    def __init__(self, client: StationClient, subscription: Any) -> None:
        self._client = client
        self._subscription = subscription

    def onSubscription(self) -> None:  # noqa: N802 - the library's name
        # Called again for each new session, not for a recovered one.
        self._client.begin(self._subscription.getItems())

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802 - the library's name
        self._client.receive(update.getItemName(), dict(update.getFields()), snapshot=update.isSnapshot())

    def onItemLostUpdates(self, item_id: str, _position: int, count: int) -> None:  # noqa: N802 - the library's name
        self._client.lose(item_id, count)

    def onSubscriptionError(self, code: int, message: str) -> None:  # noqa: N802 - the library's name
        self._client.refuse(self._subscription, f"{code}: {message}")
