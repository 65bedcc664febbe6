"""Keep one Lightstreamer session streaming: the library gives up for good on many errors, this does not."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import NamedTuple

from mode import Service

from iss_agents.backoff import delays
from iss_agents.feed.client import FINAL, StationClient
from iss_agents.feed.update import Update
from iss_agents.health import Health
from iss_agents.metrics import FEED_CONNECTED, FEED_RECONNECTS, FEED_REFUSED_ITEMS
from iss_agents.settings import Settings

logger = logging.getLogger(__name__)

STREAMING = ("CONNECTED:WS-", "CONNECTED:HTTP-")
"""How the library's statuses begin while a session streams or polls."""

REASON_SECONDS = 0.1
"""The library tells that it gave up before it tells why."""


class Ending(NamedTuple):
    """Why a session's client is given up. `lost`: the session is gone. `at_once`: no wait for the next one."""

    reason: str
    lost: bool = False
    at_once: bool = False


class Connection(Service):
    """Run one client after the other until stopped, with a wait between them that grows while none lasts.

    `on_lost_session` is called with the reason when a session is gone for good; `patience` says how many
    seconds without any update are normal just now.
    """

    first_wait = 5.0
    longest_wait = 60.0
    watch_seconds = 0.2

    def __init__(
        self,
        settings: Settings,
        health: Health,
        *,
        on_updates: Callable[[list[Update]], None],
        on_lost_updates: Callable[[str, int], None],
        on_lost_session: Callable[[str], None],
        patience: Callable[[], float],
    ) -> None:
        super().__init__()
        self._url = settings.feed_url
        self._adapter_set = settings.feed_adapter_set
        self._shard = settings.feed_shard
        self._items = self._shard.watched
        self._health = health
        self._on_updates = on_updates
        self._on_lost_updates = on_lost_updates
        self._on_lost_session = on_lost_session
        self._patience = patience
        self._client: StationClient | None = None
        self._ending: asyncio.Future[Ending] | None = None
        self._last_update = 0.0
        self._silent = False
        self._refused: dict[str, str] = {}

    def renew(self, reason: str) -> None:
        """Replace the session by a new one at once, for a fresh snapshot of every item."""
        logger.info("Beginning a new session: %s", reason)
        _settle(self._ending, Ending(reason, at_once=True))

    async def on_stop(self) -> None:
        _settle(self._ending, Ending("stopped"))
        if self._client:
            await self._client.disconnect()

    @Service.task
    async def _stay_connected(self) -> None:
        waits = delays(self.first_wait, self.longest_wait)
        while not self.should_stop:
            began = monotonic()
            ending = await self._stream()
            if not self.should_stop:
                FEED_RECONNECTS.inc()
            if monotonic() - began > self.longest_wait:
                waits = delays(self.first_wait, self.longest_wait)
            if not ending.at_once and not self.should_stop:
                self._report(ending)
                await self.sleep(next(waits))

    async def _stream(self) -> Ending:
        self._ending = ending = asyncio.get_running_loop().create_future()
        self._last_update = monotonic()
        self._refused.clear()
        FEED_REFUSED_ITEMS.set(0)
        self._client = self._new_client(ending)
        self._client.connect()
        try:
            return await self._watch(ending)
        finally:
            await self._client.disconnect()
            FEED_CONNECTED.set(0)

    def _new_client(self, ending: asyncio.Future[Ending]) -> StationClient:
        return StationClient(
            self._url,
            self._adapter_set,
            self._items,
            on_updates=self._receive,
            on_status=partial(self._follow_status, ending),
            on_failure=partial(_fail, ending),
            on_refused_item=partial(self._go_on_without, ending),
            on_lost_updates=self._on_lost_updates,
        )

    async def _watch(self, ending: asyncio.Future[Ending]) -> Ending:
        while not ending.done():
            await asyncio.wait([ending], timeout=self.watch_seconds)
            silence = monotonic() - self._last_update
            if silence > self._patience():
                self._silent = True
                _settle(ending, Ending(f"has sent nothing for {silence:.0f} s"))
        return ending.result()

    def _receive(self, updates: list[Update]) -> None:
        self._last_update = monotonic()
        # After a silence a snapshot proves nothing: it is the server's memory.
        self._silent &= all(update.snapshot for update in updates)
        if not self._silent:
            what = "Readings" if self._shard.is_whole else f"Readings of shard {self._shard}"
            self._health.good("feed", f"{what} come in from {self._url}{self._without()}")
        self._on_updates(updates)

    def _follow_status(self, ending: asyncio.Future[Ending], status: str) -> None:
        logger.debug("Lightstreamer: %s", status)
        FEED_CONNECTED.set(status.startswith(STREAMING))
        if status == "DISCONNECTED:WILL-RETRY":
            self._health.bad("feed", f"The feed at {self._url} is unreachable; trying again until it answers.")
        if status == FINAL:
            final = Ending("ended the session", lost=True)
            asyncio.get_running_loop().call_later(REASON_SECONDS, _settle, ending, final)

    def _go_on_without(self, ending: asyncio.Future[Ending], item_id: str, reason: str) -> None:
        self._refused[item_id] = reason
        FEED_REFUSED_ITEMS.set(len(self._refused))
        if all(item in self._refused for item in self._items if self._shard.holds(item)):
            _settle(ending, Ending(f"refuses every item ({reason})", lost=True))

    def _without(self) -> str:
        if not self._refused:
            return ""
        return f", without {', '.join(f'{item} ({why})' for item, why in sorted(self._refused.items()))}"

    def _report(self, ending: Ending) -> None:
        self._health.bad("feed", f"The feed at {self._url} {ending.reason}; trying again until it answers.")
        if ending.lost:
            self._on_lost_session(ending.reason)


def _fail(ending: asyncio.Future[Ending], code: int, message: str) -> None:
    _settle(ending, Ending(f"refuses the session ({code}: {message})", lost=True))


def _settle(future: asyncio.Future[Ending] | None, ending: Ending) -> None:
    if future and not future.done():
        future.set_result(ending)
