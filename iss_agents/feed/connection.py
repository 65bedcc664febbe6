"""Feed connection: keeps a Lightstreamer session streaming, also after errors that are final to the library."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import monotonic
from typing import NamedTuple

from mode import Service

from iss_agents.config.settings import Settings
from iss_agents.feed.decode import Update
from iss_agents.feed.lightstreamer import FINAL, StationClient
from iss_agents.feed.reachability import why_unreachable
from iss_agents.runtime.backoff import delays
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import FEED_CONNECTED, FEED_RECONNECTS, FEED_REFUSED_ITEMS
from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM

logger = logging.getLogger(__name__)

STREAMING = ("CONNECTED:WS-", "CONNECTED:HTTP-")
"""Prefixes of the library's statuses while a session streams or polls."""

REASON_SECONDS = 0.1
"""The library reports the end of a session before the reason."""


ESSENTIAL = frozenset({SIGNAL_ITEM, TANK_ITEM})
"""Without the station's clock no freeze, silence or loss of signal is detected; without the tank, no use."""


class SessionEnd(NamedTuple):
    """Why a session ended. `lost`: the server ended it. `immediate`: reconnect without waiting."""

    reason: str
    lost: bool = False
    immediate: bool = False


class Connection(Service):
    """Runs one client after another until stopped, with a backoff that grows while sessions are short.

    An item that the server rejects is subscribed to again: a server that has just started may know it soon.
    `on_rejected_item` is called with it and the reason, `on_lost_session` with the reason when a session is
    gone for good; `idle_timeout` returns how many seconds without any update are normal just now.
    """

    first_wait = 5.0
    longest_wait = 60.0
    watch_seconds = 1.0
    resubscribe_seconds = 60.0
    longest_resubscribe_seconds = 600.0
    """How long until a rejected item is subscribed to again, at first and at most."""

    def __init__(
        self,
        settings: Settings,
        health: Health,
        *,
        on_updates: Callable[[list[Update]], None],
        on_lost_updates: Callable[[Mapping[str, int]], None],
        on_rejected_item: Callable[[str, str], None],
        on_lost_session: Callable[[str], None],
        idle_timeout: Callable[[], float],
    ) -> None:
        super().__init__()
        self._url = settings.feed_url
        self._adapter_set = settings.feed_adapter_set
        self._shard = settings.feed_shard
        self._items = self._shard.watched
        self._health = health
        self._on_updates = on_updates
        self._on_lost_updates = on_lost_updates
        self._on_rejected_item = on_rejected_item
        self._on_lost_session = on_lost_session
        self._idle_timeout = idle_timeout
        self._client: StationClient | None = None
        self._session_end: asyncio.Future[SessionEnd] | None = None
        self._asking_why: asyncio.Future[None] | None = None
        self._last_update = 0.0
        self._silent = False
        self._rejected: dict[str, str] = {}
        self._resubscribed: set[str] = set()

    def renew(self, reason: str) -> None:
        """Replace the session immediately, for a new snapshot of every item."""
        logger.info("Beginning a new session: %s", reason)
        _settle(self._session_end, SessionEnd(reason, immediate=True))

    async def on_stop(self) -> None:
        _settle(self._session_end, SessionEnd("stopped"))
        if self._client:
            await self._client.disconnect()

    @Service.task
    async def _stay_connected(self) -> None:
        waits = delays(self.first_wait, self.longest_wait)
        while not self.should_stop:
            began = monotonic()
            session_end = await self._stream()
            if not self.should_stop:
                FEED_RECONNECTS.inc()
            if monotonic() - began > self.longest_wait:
                waits = delays(self.first_wait, self.longest_wait)
            if not session_end.immediate and not self.should_stop:
                self._report_down(session_end)
                await self.sleep(next(waits))

    @Service.task
    async def _resubscribe(self) -> None:
        waits = delays(self.resubscribe_seconds, self.longest_resubscribe_seconds)
        while not self.should_stop:
            await self.sleep(next(waits))
            if not self._rejected:
                waits = delays(self.resubscribe_seconds, self.longest_resubscribe_seconds)
            elif self._client and (items := self._rejected.keys() - self._resubscribed):
                logger.info("Subscribing again to %s", ", ".join(sorted(items)))
                self._resubscribed |= items
                self._client.resubscribe(sorted(items))

    async def _stream(self) -> SessionEnd:
        self._session_end = session_end = asyncio.get_running_loop().create_future()
        self._last_update = monotonic()
        self._rejected.clear()
        self._resubscribed.clear()
        FEED_REFUSED_ITEMS.set(0)
        self._client = self._new_client(session_end)
        self._client.connect()
        try:
            return await self._wait_for_end(session_end)
        finally:
            await self._client.disconnect()
            FEED_CONNECTED.set(0)

    def _new_client(self, session_end: asyncio.Future[SessionEnd]) -> StationClient:
        return StationClient(
            self._url,
            self._adapter_set,
            self._items,
            on_updates=self._receive,
            on_status=partial(self._follow_status, session_end),
            on_failure=partial(_fail, session_end),
            on_rejected_item=partial(self._reject_item, session_end),
            on_lost_updates=self._on_lost_updates,
        )

    async def _wait_for_end(self, session_end: asyncio.Future[SessionEnd]) -> SessionEnd:
        while not session_end.done():
            await asyncio.wait([session_end], timeout=self.watch_seconds)
            silence = monotonic() - self._last_update
            if silence > self._idle_timeout():
                self._silent = True
                _settle(session_end, SessionEnd(f"has sent nothing for {silence:.0f} s"))
        return session_end.result()

    def _receive(self, updates: list[Update]) -> None:
        self._last_update = monotonic()
        # After a silence a snapshot proves nothing: the server sends it from memory.
        self._silent &= all(update.snapshot for update in updates)
        if self._rejected:
            self._clear_rejections(update.item_id for update in updates)
        if not self._silent:
            self._report_up()
        self._on_updates(updates)

    def _clear_rejections(self, sent: Iterable[str]) -> None:
        for item_id in self._rejected.keys() & set(sent):
            logger.info("%s is received again", item_id)
            del self._rejected[item_id]
            self._resubscribed.discard(item_id)
        FEED_REFUSED_ITEMS.set(len(self._rejected))

    def _report_up(self) -> None:
        if ESSENTIAL & self._rejected.keys():
            self._health.down(
                "feed", f"The feed at {self._url} does not send {self._rejected_items()}; subscribing again."
            )
            return
        what = "Readings" if self._shard.is_whole else f"Readings of shard {self._shard}"
        without = f", without {self._rejected_items()}" if self._rejected else ""
        self._health.up("feed", f"{what} arrive from {self._url}{without}")

    def _follow_status(self, session_end: asyncio.Future[SessionEnd], status: str) -> None:
        logger.debug("Lightstreamer: %s", status)
        FEED_CONNECTED.set(status.startswith(STREAMING))
        if status == "DISCONNECTED:WILL-RETRY":
            self._report_unreachable()
        if status == FINAL:
            final = SessionEnd("ended the session", lost=True)
            asyncio.get_running_loop().call_later(REASON_SECONDS, _settle, session_end, final)

    def _report_unreachable(self) -> None:
        if self._asking_why is None or self._asking_why.done():
            self._asking_why = self.add_future(self._ask_why())

    async def _ask_why(self) -> None:
        asked_at = monotonic()
        reason = await why_unreachable(self._url)
        if self._last_update < asked_at:
            why = f" ({reason})" if reason else ""
            self._health.down(
                "feed", f"The feed at {self._url} is unreachable{why}; retrying until it answers."
            )

    def _reject_item(self, session_end: asyncio.Future[SessionEnd], item_id: str, reason: str) -> None:
        self._rejected[item_id] = reason
        self._resubscribed.discard(item_id)
        FEED_REFUSED_ITEMS.set(len(self._rejected))
        self._on_rejected_item(item_id, reason)
        if all(item in self._rejected for item in self._items if self._shard.holds(item)):
            _settle(session_end, SessionEnd(f"rejects every item ({reason})", lost=True))

    def _rejected_items(self) -> str:
        return ", ".join(f"{item} ({why})" for item, why in sorted(self._rejected.items()))

    def _report_down(self, session_end: SessionEnd) -> None:
        self._health.down("feed", f"The feed at {self._url} {session_end.reason}; retrying until it answers.")
        if session_end.lost:
            self._on_lost_session(session_end.reason)


def _fail(session_end: asyncio.Future[SessionEnd], code: int, message: str) -> None:
    _settle(session_end, SessionEnd(f"rejects the session ({code}: {message})", lost=True))


def _settle(future: asyncio.Future[SessionEnd] | None, session_end: SessionEnd) -> None:
    if future and not future.done():
        future.set_result(session_end)
