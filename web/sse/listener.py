"""Listener: one client of the stream, what it has seen, and whether it keeps up."""

import asyncio
import socket
from time import monotonic

from aiohttp.web import Request, StreamResponse

from iss_agents.runtime import metrics
from iss_agents.telemetry.records import Source
from web.edge.client_address import client_of

STUCK_SECONDS = 10.0

SOCKET_BYTES = 64 * 1024
"""Send buffer of a client (Linux doubles it); the default is megabytes for each."""


class Listener:
    """A client with an open stream."""

    def __init__(
        self, request: Request, response: StreamResponse, source: Source, items: tuple[str, ...], seen: int
    ) -> None:
        self.client = client_of(request).name
        self.source = source
        self.items = items
        self.seen = seen
        self.status_number = self.uses_number = self.beat_number = 0
        self._request = request
        self._response = response
        self._sending_since: float | None = None

    @property
    def waiting_for(self) -> float:
        """For how many seconds the client has not accepted what is being sent."""
        return 0.0 if self._sending_since is None else monotonic() - self._sending_since

    @property
    def gone(self) -> bool:
        """Whether the client has disconnected."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def open(self) -> None:
        """Send the headers."""
        transport = self._request.transport
        if transport and (connection := transport.get_extra_info("socket")):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        await self._response.prepare(self._request)

    async def send(self, data: bytes) -> bool:
        """Return whether the client accepted `data`; one that accepts nothing for 10 s is dropped."""
        self._sending_since = monotonic()
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await self._response.write(data)
        except TimeoutError:
            metrics.STREAMS_DROPPED.inc()
            self._abort()
        except ConnectionError:
            return False
        finally:
            self._sending_since = None
        return not self.gone

    def abort_if_stuck(self) -> None:
        """Abort the connection if the client is not accepting what is sent."""
        if self.waiting_for > 0:
            self._abort()

    def _abort(self) -> None:
        if self._request.transport:
            self._request.transport.abort()
