"""Requests of clients over any transport: stream requests, and those with a single answer."""

from collections.abc import Sequence

from iss_agents.simulator.tlcp.control import Controls
from iss_agents.simulator.tlcp.session import Connection, Session
from iss_agents.simulator.tlcp.sessions import Sessions
from iss_agents.simulator.tlcp.wire import LINE_END, Parameters, ProtocolError, read_parameters

STREAM_REQUESTS = frozenset({"create_session", "bind_session"})
"""Requests that are answered by a stream of notifications."""


class Requests:
    """Dispatches requests to the sessions or their controls."""

    def __init__(self, sessions: Sessions, controls: Controls) -> None:
        self.sessions = sessions
        self._controls = controls

    def open(self, name: str, parameters: Parameters) -> Session:
        """Return the session that a stream request is about.

        Raises:
            ProtocolError: it is refused, or there is no such session.
        """
        if name == "create_session":
            return self.sessions.create(parameters)
        return self.sessions.find(parameters.get("LS_session", ""))

    def answer(self, name: str, line: str, session_id: str) -> str:
        """Return the answer to one request that is not a stream."""
        if name == "heartbeat":
            return "REQOK"
        if name != "control":
            return "ERROR,67,Malformed request"
        try:
            parameters = read_parameters(line)
        except ProtocolError as error:
            return f"ERROR,{error.code},{error.message}"
        return self._controls.answer(parameters, session_id)


async def refuse(connection: Connection, error: ProtocolError) -> None:
    """Reject a client's session request.

    Raises:
        ConnectionError: the client is gone.
    """
    await connection.send(f"CONERR,{error.code},{error.message}{LINE_END}")


def request_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines that are requests: a heartbeat has no parameters, so its only line is empty."""
    return [line for line in lines if line] or [""]
