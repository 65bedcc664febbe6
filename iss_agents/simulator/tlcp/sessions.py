"""Sessions of the server: created, bound to connections, recovered, ended, and expired."""

import asyncio
import logging
from collections.abc import Iterator
from itertools import count

from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.session import LOOP, Connection, Session, Stream, Terms
from iss_agents.simulator.tlcp.wire import Parameters, ProtocolError

ADAPTER_SET = "ISSLIVE"
"""The adapter set of the public feed."""

REQUEST_LIMIT = 50_000
"""Bytes in one request, as the public server says."""

EXPIRY_SECONDS = 20.0
"""How long a session waits for its client: longer than the client's sessionRecoveryTimeout of 15 s."""

logger = logging.getLogger(__name__)


class Sessions:
    """The sessions of one server. While `refusal` is set no new one is created."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._sessions: dict[str, Session] = {}
        self._endings: dict[str, tuple[int, str]] = {}
        self._numbers = count(1)
        self.refusal: int | None = None

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, session_id: str) -> Session:
        """Return an open session.

        Raises:
            ProtocolError: 20, there is none with this id; or why it ended while its client was away.
        """
        if session_id not in self._sessions:
            raise ProtocolError(*self._endings.get(session_id, (20, "Session not found")))
        return self._sessions[session_id]

    def create(self, parameters: Parameters) -> Session:
        """Open a session.

        Raises:
            ProtocolError: 2, unknown adapter set; or the code that the refusal names.
        """
        if self.refusal is not None:
            raise ProtocolError(self.refusal, "New sessions are refused")
        if parameters.get("LS_adapter_set") != ADAPTER_SET:
            raise ProtocolError(2, "Requested Adapter Set not available")
        replaced = self._sessions.get(parameters.get("LS_old_session", ""))
        if replaced:
            self.end(replaced, 48, "Replaced by a new session")
        session = Session(f"S{next(self._numbers):04d}")
        self._sessions[session.session_id] = session
        self._await_client(session)
        logger.info("session %s begins", session.session_id)
        return session

    async def serve(self, session: Session, parameters: Parameters, connection: Connection) -> None:
        """Bind the session to this connection and send until it is over.

        Raises:
            ProtocolError: 4, the place to recover from is not kept.
            ConnectionError: the client is gone.
        """
        terms = Terms.read(parameters)
        head = [*self._head(session, terms), *self._recover(session, parameters)]
        session.close_stream(LOOP)
        stream = session.stream = Stream(session, connection, terms)
        if session.expiry:
            session.expiry.cancel()
        try:
            await stream.run(head)
        finally:
            self._unbind(session, stream)

    def end(self, session: Session, code: int, message: str) -> None:
        """End a session for good. Its client is told why: now, or when it comes for its next poll."""
        if self._sessions.pop(session.session_id, None) is None:
            return
        session.close_stream(f"END,{code},{message}")
        if session.stream is None:
            self._endings[session.session_id] = (code, message)
            loop = asyncio.get_running_loop()
            loop.call_later(EXPIRY_SECONDS, self._endings.pop, session.session_id)
        for subscription in session.subscriptions.values():
            subscription.stop(self._broadcast)
        if session.expiry:
            session.expiry.cancel()
        logger.info("session %s ends: %s", session.session_id, message)

    def abort_streams(self) -> None:
        """Cut every stream connection silently; the sessions wait for a recovery."""
        for session in self:
            session.abort()

    def _head(self, session: Session, terms: Terms) -> list[str]:
        granted = f"CONOK,{session.session_id},{REQUEST_LIMIT},{terms.keepalive},*"
        return [granted, "SERVNAME,station", "CONS,unlimited"]

    def _recover(self, session: Session, parameters: Parameters) -> list[str]:
        if session.buffer.overrun:
            raise ProtocolError(4, "Too much was missed to recover")
        start = parameters.get("LS_recovery_from")
        if start is None:
            return []
        if not start.isdecimal() or not session.buffer.rewind(int(start)):
            raise ProtocolError(4, "Nothing is kept from there on")
        return [f"PROG,{start}"]

    def _unbind(self, session: Session, stream: Stream) -> None:
        if session.stream is not stream:
            return
        session.stream = None
        if session.session_id in self._sessions:
            self._await_client(session)

    def _await_client(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        session.expiry = loop.call_later(EXPIRY_SECONDS, self.end, session, 20, "Session not found")
