"""Lightstreamer client: the only module that uses the library and its names."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from lightstreamer.client import ClientListener, LightstreamerClient, Proxy, Subscription, SubscriptionListener

from iss_agents.feed.decode import FIELDS, Update
from iss_agents.feed.lightstreamer_corrections import PromptListener, correct_library
from iss_agents.feed.proxy import proxy_for
from iss_agents.telemetry.station_clock import milliseconds

logger = logging.getLogger(__name__)

KEEPALIVE_MS = 1000
"""The library detects a closed socket only by missing keepalives, within keepalive + 2 s + 3 s
(lightstreamer.md 1.6). The server's default is 5 s."""

HANDOVER_LIMIT = 100_000
"""Updates that may wait for the event loop, besides those that it is taking: 10 s at 10,000 updates/s, about
100 MB."""

HANDOVER_SECONDS = 0.06
"""How long updates wait for others. At a low rate the cost is that of requests to Kafka, and each stage of the
pipeline makes one for what is handed over together: so they are collected here, before the first of them."""

HANDOVER_UPDATES = 500
"""Updates that the event loop takes before it does other work. Taken all at once, a burst held up the loop's
heartbeat for 8 to 14 s (measured), and the worker ended as if it had been suspended."""

DISCONNECT_SECONDS = 2.0
"""The library confirms a disconnect within half a second, or never."""

FINAL = "DISCONNECTED"
"""The final status of the library. `DISCONNECTED:WILL-RETRY` and the like are not final."""


class StationClient:
    """One use of the library: a subscription to all items, from `connect` to `disconnect`.

    A server that does not know one of the items rejects all of them: then each item gets its own subscription.

    The callbacks are called on the loop that called `connect`: `on_updates` with the oldest
    updates, `on_status` with each status of the library, `on_failure` with code and message when the server
    rejects the session, `on_rejected_item` with an item that the server does not send and the reason,
    `on_lost_updates` with the number of lost updates by item. After `FINAL` or `on_failure` nothing more is
    received, and after `disconnect` no callback is called: create a new client.

    The library's threads call `change_status` and `fail`; and, one at a time, as they hold its lock of this
    client, `begin_session`, `receive`, `count_lost` and `reject`. None of these waits, or calls the library.
    """

    def __init__(
        self,
        url: str,
        adapter_set: str,
        items: Sequence[str],
        on_updates: Callable[[list[Update]], None],
        on_status: Callable[[str], None],
        on_failure: Callable[[int, str], None],
        on_rejected_item: Callable[[str, str], None],
        on_lost_updates: Callable[[Mapping[str, int]], None],
    ) -> None:
        correct_library()
        self._client = LightstreamerClient(url, adapter_set)
        self._client.connectionOptions.setKeepaliveInterval(KEEPALIVE_MS)
        if proxy := proxy_for(url):
            self._client.connectionOptions.setProxy(Proxy("HTTP", *proxy))
        self._items = list(items)
        self._on_updates = on_updates
        self._on_status = on_status
        self._on_failure = on_failure
        self._on_rejected_item = on_rejected_item
        self._on_lost_updates = on_lost_updates
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._lock = Lock()
        self._queue: deque[Update] = deque()
        self._lost: Counter[str] = Counter()
        self._taken: deque[Update] = deque()
        self._taken_lost: Counter[str] = Counter()
        self._handover_is_due = False
        self._closed = False
        self._session = 0
        self._subscribed: set[str] = set()

    def connect(self) -> None:
        """Begin to connect, and return immediately; the callbacks report what happens."""
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._client.addListener(_SessionListener(self))
        self._subscribe(self._items)
        self._client.connect()

    async def disconnect(self) -> None:
        """End the session, and return when it has ended and all updates are handed over.

        A session that does not end within `DISCONNECT_SECONDS` is ignored from then on: its updates would mix
        with those of its successor.
        """
        # Not by the library's status, which is DISCONNECTED, too, before it begins to connect.
        if not self._ended.is_set():
            self._client.disconnect()
            await self._wait_until_ended()
        self._closed = True
        while self._taken or self._queue or self._lost:
            self._pass_on(*self._oldest())
            await asyncio.sleep(0)

    async def _wait_until_ended(self) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), DISCONNECT_SECONDS)
        except TimeoutError:
            logger.warning("The Lightstreamer client did not end within %s s", DISCONNECT_SECONDS)

    def _subscribe(self, items: list[str]) -> None:
        subscription = Subscription("MERGE", items, list(FIELDS))
        subscription.setRequestedSnapshot("yes")
        subscription.setRequestedMaxFrequency("unlimited")
        subscription.addListener(_ItemListener(self, subscription, items))
        self._client.subscribe(subscription)

    def begin_session(self, items: Sequence[str]) -> None:
        """Note that the server begins to send items, which happens to each once per session."""
        if not self._session or not self._subscribed.isdisjoint(items):
            self._session = milliseconds(datetime.now(UTC))
            self._subscribed.clear()
        self._subscribed.update(items)

    def receive(self, item_id: str, fields: dict[str, str | None], *, snapshot: bool) -> None:
        """Enqueue an update that arrived now."""
        self.enqueue(Update(item_id, fields, snapshot, self._session, datetime.now(UTC)))

    def enqueue(self, update: Update) -> None:
        """Enqueue an update, or count it as lost if the queue is full."""
        if self._closed:
            return
        with self._lock:
            if len(self._queue) < HANDOVER_LIMIT:
                self._queue.append(update)
            else:
                self._lost[update.item_id] += 1
            self._wake()

    def change_status(self, status: str) -> None:
        """Pass on a status of the library."""
        self.call(self._on_status, status)
        if status == FINAL:
            self.call(self._ended.set)

    def fail(self, code: int, message: str) -> None:
        """Pass on that the server rejected the session."""
        self.call(self._on_failure, code, message)

    def reject(self, subscription: Any, items: Sequence[str], reason: str) -> None:
        """Have each item of a rejected subscription subscribed to alone, or pass on that one is rejected."""
        self.call(self._replace, subscription, items, reason)

    def _replace(self, subscription: Any, items: Sequence[str], reason: str) -> None:
        self._client.unsubscribe(subscription)
        if len(items) == 1:
            self._on_rejected_item(items[0], reason)
            return
        self.resubscribe(items)

    def resubscribe(self, items: Sequence[str]) -> None:
        """Subscribe to items that were rejected, each separately."""
        for item_id in items:
            self._subscribe([item_id])

    def count_lost(self, item_id: str, count: int) -> None:
        """Count updates that the server dropped."""
        if self._closed:
            return
        with self._lock:
            self._lost[item_id] += count
            self._wake()

    def call(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Run a callback on the loop, unless the client is closed by then."""
        # The loop itself may have ended by then.
        if not self._closed:
            self._loop.call_soon_threadsafe(self._run, callback, *arguments)

    def _run(self, callback: Callable[..., object], *arguments: Any) -> None:
        if not self._closed:
            callback(*arguments)

    def _wake(self) -> None:
        # With the lock held, so that either `_hand_over` takes the update or this one has it called once more.
        if not self._handover_is_due:
            self._handover_is_due = True
            self.call(self._loop.call_later, HANDOVER_SECONDS, self._run, self._hand_over)

    def _hand_over(self) -> None:
        updates, lost = self._oldest()
        # Before the callbacks: whatever they raise, the rest is handed over.
        if self._taken:
            self._loop.call_soon(self._run, self._hand_over)
        else:
            self._end_handover()
        self._pass_on(updates, lost)

    def _end_handover(self) -> None:
        with self._lock:
            self._handover_is_due = False
            if self._queue or self._lost:
                self._wake()

    def _oldest(self) -> tuple[list[Update], Counter[str]]:
        """Return the oldest updates, and with the last of those that are taken what was lost after it."""
        if not self._taken:
            self._take()
        updates = [self._taken.popleft() for _ in range(min(len(self._taken), HANDOVER_UPDATES))]
        if self._taken:
            return updates, Counter()
        lost, self._taken_lost = self._taken_lost, Counter()
        return updates, lost

    def _pass_on(self, updates: list[Update], lost: Counter[str]) -> None:
        if updates:
            self._on_updates(updates)
        if lost:
            self._on_lost_updates(lost)

    def _take(self) -> None:
        with self._lock:
            self._taken, self._queue = self._queue, deque()
            self._taken_lost, self._lost = self._lost, Counter()


class _SessionListener(ClientListener):  # type: ignore[misc] # the library has no types
    def __init__(self, client: StationClient) -> None:
        self._client = client

    def onStatusChange(self, status: str) -> None:  # noqa: N802 - the library's name
        self._client.change_status(status)

    def onServerError(self, code: int, message: str) -> None:  # noqa: N802 - the library's name
        self._client.fail(code, message)


class _ItemListener(SubscriptionListener, PromptListener):  # type: ignore[misc] # the library has no types
    def __init__(self, client: StationClient, subscription: Any, items: list[str]) -> None:
        self._client = client
        self._subscription = subscription
        self._items = items

    def onSubscription(self) -> None:  # noqa: N802 - the library's name
        # Called once more for each new session, not for a recovered one.
        self._client.begin_session(self._items)

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802 - the library's name
        self._client.receive(update.getItemName(), update.getFields(), snapshot=update.isSnapshot())

    def onItemLostUpdates(self, item_id: str, _position: int, count: int) -> None:  # noqa: N802 - the library's name
        self._client.count_lost(item_id, count)

    def onSubscriptionError(self, code: int, message: str) -> None:  # noqa: N802 - the library's name
        self._client.reject(self._subscription, self._items, f"{code}: {message}")
