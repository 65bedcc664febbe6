"""Session and the stream connection it is bound to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from iss_agents.simulator.tlcp.replay_buffer import ReplayBuffer
from iss_agents.simulator.tlcp.subscription import Subscription
from iss_agents.simulator.tlcp.wire import LINE_END, Parameters, read_count

BATCH = 200
"""Most lines in one frame: enough to be fast, and far below the 4 MiB that aiohttp's client takes."""

KEEPALIVE_MILLISECONDS = 5_000
"""What the public server grants unless a client asks for something else."""

CONTENT_LENGTH = 50_000_000
"""Bytes after which an HTTP stream must be rebound, unless the client names a number."""

LOOP = "LOOP,0"


@dataclass(frozen=True)
class Terms:
    """Terms of one connection: times in milliseconds, and bytes after which it must be rebound.

    A poll ends as soon as something was sent, or after `idle`.
    """

    keepalive: int
    polling: bool
    idle: int
    content_length: int

    @classmethod
    def read(cls, parameters: Parameters) -> Self:
        """Read the terms from a create or bind request.

        Raises:
            ProtocolError: 65, one of them is not a number.
        """
        return cls(
            keepalive=max(100, read_count(parameters, "LS_keepalive_millis", KEEPALIVE_MILLISECONDS)),
            polling=parameters.get("LS_polling") == "true",
            idle=read_count(parameters, "LS_idle_millis", 0),
            content_length=read_count(parameters, "LS_content_length", CONTENT_LENGTH),
        )


@dataclass(frozen=True)
class Connection:
    """Where lines go: a WebSocket or the body of an HTTP answer."""

    send: Callable[[str], Awaitable[None]]
    abort: Callable[[], None]


class Session:
    """Subscriptions and the replay buffer of their notifications. It outlives its connections."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.buffer = ReplayBuffer()
        self.subscriptions: dict[str, Subscription] = {}
        self.stream: Stream | None = None
        self.expiry: asyncio.TimerHandle | None = None

    def notify(self, line: str) -> None:
        """Send a data notification, which a recovery counts."""
        self.buffer.append(line)
        if self.stream:
            self.stream.wake()
        if self.buffer.overrun:
            self.abort()

    def close_stream(self, last_line: str) -> None:
        """Tell the bound connection its last line, if there is one."""
        if self.stream:
            self.stream.close(last_line)

    def abort(self) -> None:
        """Cut the bound connection, if there is one, silently."""
        if self.stream:
            self.stream.connection.abort()
            self.stream.close(LOOP)


class Stream:
    """One stream connection of a session, from its bind to its last line."""

    def __init__(self, session: Session, connection: Connection, terms: Terms) -> None:
        self.connection = connection
        self._buffer = session.buffer
        self._terms = terms
        self._left = terms.content_length
        self._last_line: str | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    def close(self, last_line: str) -> None:
        """End with this line, after what is already on its way."""
        self._last_line = self._last_line or last_line
        self.wake()

    async def run(self, head: Sequence[str]) -> None:
        """Send the head, then every notification, until the stream is closed or its polling cycle is over.

        Raises:
            ConnectionError: the client is gone.
        """
        await self._send(head)
        while self._last_line is None:
            await self._deliver()
        await self._send([self._last_line])

    async def _deliver(self) -> None:
        self._news.clear()
        lines = self._buffer.next_lines(BATCH)
        if lines:
            await self._send(lines)
        elif await self._has_news():
            return
        elif not self._terms.polling:
            await self._send(["PROBE"])
        if self._terms.polling or self._left <= 0:
            self.close(LOOP)

    async def _has_news(self) -> bool:
        patience = self._terms.idle if self._terms.polling else self._terms.keepalive
        try:
            await asyncio.wait_for(self._news.wait(), patience / 1000)
        except TimeoutError:
            return False
        return True

    async def _send(self, lines: Sequence[str]) -> None:
        text = "".join(line + LINE_END for line in lines)
        self._left -= len(text)
        await self.connection.send(text)
