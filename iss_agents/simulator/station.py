"""Simulated station: sources measure, faults interfere, the server notifies its clients."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Self

from aiohttp import web

from iss_agents.errors import UserError
from iss_agents.simulator.fault_requests import add_fault_routes
from iss_agents.simulator.faults import Faults
from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.server import Server
from iss_agents.simulator.updates import Fields, Source, Update, measured, signal
from iss_agents.telemetry.records import GOOD_STATUS

TICK_SECONDS = 0.05
"""How often the sources are polled: short enough for 1,000 updates/s to leave in small groups."""

MOST_UNSENT = 2_000
"""Lines that may wait for a client while updates are played as fast as clients accept them."""

REFRESH = 48
"""The code with which a session ends so that its client opens a new one at once."""

logger = logging.getLogger(__name__)


class Station:
    """TLCP server at `url` that plays its sources, if any, and sends what is published."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._sources = sources
        self._broadcast = Broadcast()
        self._server = Server(self._broadcast)
        self._playing: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.faults = Faults(self._broadcast, self._server.sessions)
        self.url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen and play; port 0 takes a free one.

        Raises:
            UserError: the port is taken, or the address does not belong to this machine.
        """
        application = web.Application()
        self._server.add_routes(application)
        add_fault_routes(application, self.faults)
        self._runner = web.AppRunner(application, shutdown_timeout=1.0, auto_decompress=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise UserError(
                f"Cannot listen on {host}:{port} ({error.strerror}); choose another one with --port"
            ) from error
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"
        self.tick(datetime.now(UTC))
        self._playing = asyncio.create_task(self._play())
        return self

    async def run_until(self, stopped: asyncio.Event) -> None:
        """Return when `stopped` is set, or raise what made a source fail before."""
        stopping = asyncio.create_task(stopped.wait())
        running = {stopping, self._playing} if self._playing else {stopping}
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and self._playing:
            stopping.cancel()
            await self._playing

    async def stop(self) -> None:
        """Cut every connection and stop listening."""
        if self._playing:
            self._playing.cancel()
        self.faults.stop()
        self._server.abort_connections()
        if self._runner:
            await self._runner.cleanup()

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._server.sessions)

    @property
    def listeners(self) -> int:
        """How many sessions have subscribed: what is published from now on reaches them, every value of it."""
        return sum(bool(session.subscriptions) for session in self._server.sessions)

    def publish(
        self, item_id: str, value: str, time: datetime | None = None, status_class: str = GOOD_STATUS
    ) -> None:
        """Send a measurement of one item, taken at `time` or now."""
        self.faults.publish(measured(item_id, time or datetime.now(UTC), value, status_class))

    def push(self, item_id: str, fields: Fields) -> None:
        """Send raw fields of one item; a missing one is null."""
        self.faults.publish(Update(item_id, fields))

    def signal(self, time: datetime | None = None, status_class: str = GOOD_STATUS) -> None:
        """Send the station's clock; a class other than 24 means the signal is lost."""
        self.faults.publish(signal(time or datetime.now(UTC), status_class))

    def tick(self, now: datetime) -> None:
        """Send what the sources have measured up to `now`."""
        for source in self._sources:
            for update in source.due(now):
                if update.new_session:
                    self.faults.end(REFRESH)
                self.faults.publish(update)

    async def play(self, updates: Iterable[Update]) -> None:
        """Send updates in order, as fast as the clients accept them, and return when all are sent."""
        for update in updates:
            self.faults.publish(update)
            if self._unsent() > MOST_UNSENT:
                await self._until_unsent(MOST_UNSENT // 2)
        await self._until_unsent(0)

    def _unsent(self) -> int:
        return max((session.buffer.unsent for session in self._server.sessions), default=0)

    async def _until_unsent(self, count: int) -> None:
        while self._unsent() > count:  # noqa: ASYNC110 - many sessions come and go, each with its own count
            await asyncio.sleep(0.001)

    async def _play(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick(datetime.now(UTC))
