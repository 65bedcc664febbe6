"""The TLCP server: WebSocket, HTTP streaming and HTTP polling on one port."""

import asyncio
from asyncio import Task
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from aiohttp import WSMsgType, web

from iss_agents.simulator.broadcast import Broadcast
from iss_agents.simulator.controls import Controls
from iss_agents.simulator.session import Connection, Session
from iss_agents.simulator.sessions import Sessions
from iss_agents.simulator.tlcp import LINE_END, SUBPROTOCOL, Parameters, ProtocolError, read_parameters

STREAM_REQUESTS = frozenset({"create_session", "bind_session"})


class Server:
    """Answers the requests of Lightstreamer clients from one broadcast."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.sessions = Sessions(broadcast)
        self._controls = Controls(self.sessions, broadcast)
        self._connections: set[Connection] = set()

    def add_routes(self, application: web.Application) -> None:
        application.router.add_get("/lightstreamer", self._websocket)
        application.router.add_post("/lightstreamer/{name}.txt", self._http)

    def abort_connections(self) -> None:
        """Cut every stream and every WebSocket as a broken network would: without a word."""
        self.sessions.abort_streams()
        for connection in self._connections:
            connection.abort()

    def open(self, name: str, parameters: Parameters) -> Session:
        """Return the session that a `create_session` or `bind_session` request is about.

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

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        with self._connected(Connection(socket.send_str, _abort(request))) as connection:
            await Dialogue(self, socket, connection).run()
        return socket

    async def _http(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        body = await request.text()
        if name not in STREAM_REQUESTS:
            session_id = request.query.get("LS_session", "")
            answers = [self.answer(name, line, session_id) for line in _request_lines(body.split(LINE_END))]
            return web.Response(text="".join(answer + LINE_END for answer in answers))
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        stream = Connection(lambda text: response.write(text.encode()), _abort(request))
        with self._connected(stream) as connection, suppress(ConnectionError):
            await self._stream(name, body, connection)
        return response

    @contextmanager
    def _connected(self, connection: Connection) -> Iterator[Connection]:
        self._connections.add(connection)
        try:
            yield connection
        finally:
            self._connections.discard(connection)

    async def _stream(self, name: str, body: str, connection: Connection) -> None:
        try:
            parameters = read_parameters(body.removesuffix(LINE_END))
            await self.sessions.serve(self.open(name, parameters), parameters, connection)
        except ProtocolError as error:
            await connection.send(refusal(error))


class Dialogue:
    """The requests of one WebSocket, with the session's stream beside them."""

    def __init__(self, server: Server, socket: web.WebSocketResponse, connection: Connection) -> None:
        self._server = server
        self._socket = socket
        self._connection = connection
        self._session_id = ""
        self._streams: set[Task[None]] = set()

    async def run(self) -> None:
        """Answer until the client closes the socket."""
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    return
                await self._answer(message.data)
        finally:
            for stream in self._streams:
                stream.cancel()

    async def _answer(self, text: str) -> None:
        name, *lines = text.split(LINE_END)
        if name == "wsok":
            await self._connection.send("WSOK" + LINE_END)
        elif name in STREAM_REQUESTS:
            await self._begin_stream(name, lines[0] if lines else "")
        else:
            await self._control(name, _request_lines(lines))

    async def _begin_stream(self, name: str, line: str) -> None:
        try:
            parameters = {"LS_session": self._session_id, **read_parameters(line)}
            session = self._server.open(name, parameters)
        except ProtocolError as error:
            await self._connection.send(refusal(error))
            return
        self._session_id = session.session_id
        stream = asyncio.create_task(self._stream(session, parameters))
        self._streams.add(stream)
        stream.add_done_callback(self._streams.discard)

    async def _stream(self, session: Session, parameters: Parameters) -> None:
        with suppress(ConnectionError):
            try:
                await self._server.sessions.serve(session, parameters, self._connection)
            except ProtocolError as error:
                await self._connection.send(refusal(error))

    async def _control(self, name: str, lines: Sequence[str]) -> None:
        answers = [self._server.answer(name, line, self._session_id) for line in lines]
        wanted = [answer for answer, line in zip(answers, lines, strict=True) if not _is_silent(answer, line)]
        if wanted:
            await self._connection.send("".join(answer + LINE_END for answer in wanted))


def refusal(error: ProtocolError) -> str:
    """Return the line that refuses a session."""
    return f"CONERR,{error.code},{error.message}{LINE_END}"


def _request_lines(lines: Sequence[str]) -> list[str]:
    # A heartbeat has no parameters: its only line is empty.
    return [line for line in lines if line] or [""]


def _is_silent(answer: str, line: str) -> bool:
    return answer.startswith("REQOK") and "LS_ack=false" in line.split("&")


def _abort(request: web.Request) -> Callable[[], None]:
    def abort() -> None:
        if request.transport:
            request.transport.abort()

    return abort
