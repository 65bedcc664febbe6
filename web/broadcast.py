"""One pulse for all clients of the stream, so that what a change costs does not grow with them."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from aiohttp.web import AppKey, Application
from typing_extensions import TypedDict

from iss_agents import metrics
from iss_agents.parts import Parts
from web.frames import ItemFrames, event
from web.health import Judgement, judge
from web.listener import Listener
from web.now import Now, now_of
from web.status import StatusDocument, status_document
from web.uses import UseDocument

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
"""A client gets at most four updates a second, however fast the feed is."""

HEARTBEAT_SECONDS = 4.0
"""The status comes at least so often: within the 5 s that clients may count on."""

JUDGE_SECONDS = 2.0


class UsesEvent(TypedDict):
    """The newest uses."""

    uses: list[UseDocument]
    """Up to 20 uses of the tank that is shown, newest first."""


class Broadcast:
    """What is sent to every client, renewed in each tick.

    A client keeps nothing but the numbers of what it has seen. So one that is slow finds, when it comes back,
    the newest of everything and not a queue.
    """

    def __init__(self, parts: Parts) -> None:
        self.closing = False
        self.listeners: set[Listener] = set()
        self.items: ItemFrames | None = None
        self.status, self.status_number = b"", 0
        self.uses, self.uses_number = b"", 0
        self._parts = parts
        self._judged: dict[str, Judgement] = {}
        self._said: object = None
        self._said_at = 0.0
        self._shown: object = None
        self._tick = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, _application: Application) -> None:
        """Begin to tick."""
        self._judged = await judge(self._parts)
        if self._parts.state:
            self.renew()
            self._tasks = [asyncio.create_task(self._judge()), asyncio.create_task(self._beat())]

    async def close(self, _application: Application) -> None:
        """End every stream, those too whose client takes nothing: a worker that stops waits for its answers."""
        self.closing = True
        self._tick.set()
        for listener in self.listeners:
            listener.hurry()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Count the listener among those that are sent to, as long as the block runs."""
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

    def renew(self) -> None:
        """Make anew what is sent, and wake the listeners if anything changed."""
        before, now = self.items, now_of(self._parts)
        self.items = ItemFrames(now)
        moved = before is None or before.version != self.items.version
        if any([self._renew_status(now), self._renew_uses(now), moved]):
            self._wake()

    def _renew_status(self, now: Now) -> bool:
        document = status_document(now, self._judged)
        # For whoever comes next; the others are told when its number changes.
        self.status = event("status", document)
        said = _worth_telling(document)
        if said == self._said and monotonic() - self._said_at < HEARTBEAT_SECONDS:
            return False
        self._said, self._said_at = said, monotonic()
        self.status_number += 1
        return True

    def _renew_uses(self, now: Now) -> bool:
        uses: UsesEvent = {"uses": now.uses()}
        if uses == self._shown:
            return False
        self._shown = uses
        self.uses, self.uses_number = event("uses", uses), self.uses_number + 1
        return True

    def _wake(self) -> None:
        tick, self._tick = self._tick, asyncio.Event()
        tick.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.renew()
            except Exception:
                # The streams of all clients hang on this task.
                logger.exception("The stream's update failed; the next one comes")

    async def _judge(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            self._judged = await judge(self._parts)


BROADCAST = AppKey("broadcast", Broadcast)
"""Where the web application keeps what is sent to its streams."""


def broadcast_from(application: Application, parts: Parts) -> None:
    """Let the web application send to its streams from its start to its end."""
    broadcast = Broadcast(parts)
    application[BROADCAST] = broadcast
    application.on_startup.append(broadcast.start)
    application.on_shutdown.append(broadcast.close)


def _worth_telling(status: StatusDocument) -> object:
    """Return what of the status is told at once when it changes; ages and counts wait for the heartbeat."""
    tank, signal, silent = status["tank"], status["signal"], status["silent"]
    level = (tank["level"], tank["state"], tank["processor"], tank["last_use"])
    return signal["state"], silent["who"], silent["since"], status["complete"], level
