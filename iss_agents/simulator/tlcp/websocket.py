"""WebSocket transport: requests come in, replies and the session's stream go out."""

import asyncio
from asyncio import Task
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import WSMsgType, web

from iss_agents.simulator.tlcp.requests import STREAM_REQUESTS, Requests, refuse, request_lines
from iss_agents.simulator.tlcp.session import Connection, Session
from iss_agents.simulator.tlcp.wire import LINE_END, Parameters, ProtocolError, read_parameters


class WebSocketTransport:
    """The requests of one WebSocket, and the session's stream on it."""

    def __init__(self, requests: Requests, socket: web.WebSocketResponse, connection: Connection) -> None:
        self._requests = requests
        self._socket = socket
        self._connection = connection
        self._session_id = ""
        self._streams: set[Task[None]] = set()

    async def run(self) -> None:
        """Answer until the client closes the socket, which it may do before it has every answer."""
        try:
            with suppress(ConnectionError):
                await self._answer_all()
        finally:
            for stream in self._streams:
                stream.cancel()

    async def _answer_all(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                return
            await self._answer(message.data)

    async def _answer(self, text: str) -> None:
        name, *lines = text.split(LINE_END)
        if name == "wsok":
            await self._connection.send("WSOK" + LINE_END)
        elif name in STREAM_REQUESTS:
            await self._begin_stream(name, lines[0] if lines else "")
        else:
            await self._control(name, request_lines(lines))

    async def _begin_stream(self, name: str, line: str) -> None:
        try:
            parameters = {"LS_session": self._session_id, **read_parameters(line)}
            session = self._requests.open(name, parameters)
        except ProtocolError as error:
            await refuse(self._connection, error)
            return
        self._session_id = session.session_id
        stream = asyncio.create_task(self._stream(session, parameters))
        self._streams.add(stream)
        stream.add_done_callback(self._streams.discard)

    async def _stream(self, session: Session, parameters: Parameters) -> None:
        with suppress(ConnectionError):
            try:
                await self._requests.sessions.serve(session, parameters, self._connection)
            except ProtocolError as error:
                await refuse(self._connection, error)

    async def _control(self, name: str, lines: Sequence[str]) -> None:
        answers = [self._requests.answer(name, line, self._session_id) for line in lines]
        wanted = [answer for answer, line in zip(answers, lines, strict=True) if not _is_silent(answer, line)]
        if wanted:
            await self._connection.send("".join(answer + LINE_END for answer in wanted))


def _is_silent(answer: str, line: str) -> bool:
    return answer.startswith("REQOK") and "LS_ack=false" in line.split("&")
