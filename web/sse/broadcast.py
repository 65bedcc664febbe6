"""Broadcast: one tick for all clients of the stream, so that the cost of a change does not grow with them."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic

from aiohttp.web import AppKey, Application
from typing_extensions import TypedDict

from iss_agents.runtime import metrics
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import rfc3339
from web.api.health import ComponentHealth, check_components
from web.api.status import StatusDocument, status_document
from web.base.context import WorkerContext
from web.base.view import Time
from web.current.snapshot import Now, now_of
from web.current.uses import UseDocument
from web.sse.frames import ItemFrames, event
from web.sse.listener import Listener

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
"""A client gets at most four updates a second, however fast the feed is."""

HEARTBEAT_SECONDS = 4.0
"""The status is sent at least this often: within the 5 s that clients may rely on."""

BEAT_SECONDS = 1.0
"""A client hears something at least this often, so that it sees within 3 s that a worker stands still."""

CHECK_SECONDS = 2.0


class UsesEvent(TypedDict):
    """The newest uses."""

    uses: list[UseDocument]
    """Up to 20 uses of the tank that is shown, newest first."""


class HeartbeatEvent(TypedDict):
    """Says that the worker is alive, to clients that get nothing else for a second."""

    now: Time
    """The time of the worker."""


class Channel:
    """What is sent to the clients of one source, refreshed in each tick."""

    def __init__(self, now: Now, components: dict[str, ComponentHealth]) -> None:
        self.items = ItemFrames(now)
        self.status, self.status_number = b"", 0
        self.uses, self.uses_number = b"", 0
        self._sent: object = None
        self._sent_at = 0.0
        self._sent_uses: object = None
        self.renew(now, components)

    def renew(self, now: Now, components: dict[str, ComponentHealth]) -> bool:
        """Refresh what is sent; return whether anything changed."""
        moved, self.items = now.state.replica.version != self.items.version, ItemFrames(now)
        return any([self._renew_status(now, components), self._renew_uses(now), moved])

    def _renew_status(self, now: Now, components: dict[str, ComponentHealth]) -> bool:
        document = status_document(now, components)
        # For the next client; connected ones get it when its number changes.
        self.status = event("status", document)
        significant = _significant_part(document)
        if significant == self._sent and monotonic() - self._sent_at < HEARTBEAT_SECONDS:
            return False
        self._sent, self._sent_at = significant, monotonic()
        self.status_number += 1
        return True

    def _renew_uses(self, now: Now) -> bool:
        uses: UsesEvent = {"uses": now.uses()}
        if uses == self._sent_uses:
            return False
        self._sent_uses = uses
        self.uses, self.uses_number = event("uses", uses), self.uses_number + 1
        return True


class Broadcast:
    """The channels of the sources that somebody follows, and of the feed's, with one tick for all.

    Of each client only the numbers of what it has seen are kept, so a slow client gets the latest values, never
    a queue.
    """

    def __init__(self, context: WorkerContext) -> None:
        self.closing = False
        self.listeners: set[Listener] = set()
        self.beat, self.beat_number = b"", 0
        self._context = context
        self._channels: dict[Source, Channel] = {}
        self._components: dict[str, ComponentHealth] = {}
        self._beat_at = 0.0
        self._tick = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, _application: Application) -> None:
        """Start to tick."""
        self._components = await check_components(self._context)
        if self._context.state:
            self.renew()
            self._tasks = [
                asyncio.create_task(self._check_components()),
                asyncio.create_task(self._tick_forever()),
            ]

    async def close(self, _application: Application) -> None:
        """End every stream, including those of stuck clients: a worker that stops waits for its replies."""
        self.closing = True
        self._tick.set()
        for listener in self.listeners:
            listener.abort_if_stuck()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Register the listener during the block."""
        self.listeners.add(listener)
        metrics.STREAMS.set(len(self.listeners))
        try:
            yield
        finally:
            self.listeners.remove(listener)
            metrics.STREAMS.set(len(self.listeners))

    async def next_tick(self) -> None:
        """Wait until something has changed, or the end."""
        await self._tick.wait()

    def channel(self, source: Source) -> Channel:
        """Return what is sent of a source."""
        if source not in self._channels:
            self._channels[source] = Channel(now_of(self._context, source), self._components)
        return self._channels[source]

    def renew(self) -> None:
        """Refresh what is sent, and wake the listeners if anything changed."""
        followed = {self._context.settings.feed_source, *(listener.source for listener in self.listeners)}
        self._channels = {source: self.channel(source) for source in followed}
        changed = [
            source
            for source, channel in self._channels.items()
            if channel.renew(now_of(self._context, source), self._components)
        ]
        if self._renew_beat() or changed:
            self._wake()

    def _renew_beat(self) -> bool:
        if monotonic() - self._beat_at < BEAT_SECONDS:
            return False
        beat: HeartbeatEvent = {"now": rfc3339(datetime.now(UTC))}
        self.beat, self.beat_number, self._beat_at = event("heartbeat", beat), self.beat_number + 1, monotonic()
        return True

    def _wake(self) -> None:
        tick, self._tick = self._tick, asyncio.Event()
        tick.set()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.renew()
            except Exception:
                # The streams of all clients depend on this task.
                logger.exception("The stream's update failed; the next one comes")

    async def _check_components(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._components = await check_components(self._context)


BROADCAST = AppKey("broadcast", Broadcast)
"""Where the web application keeps its broadcast."""


def broadcast_from(application: Application, context: WorkerContext) -> None:
    """Let the web application broadcast to its streams while it runs."""
    broadcast = Broadcast(context)
    application[BROADCAST] = broadcast
    application.on_startup.append(broadcast.start)
    application.on_shutdown.append(broadcast.close)


def _significant_part(status: StatusDocument) -> object:
    """Return the part of the status whose changes are sent at once; ages and counts wait for the heartbeat."""
    tank, signal, silent = status["tank"], status["signal"], status["silent"]
    level = (tank["level"], tank["state"], tank["in_use_since"], tank["processor"], tank["last_use"])
    return signal["state"], silent["who"], silent["since"], status["complete"], level
