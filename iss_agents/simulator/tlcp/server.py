"""TLCP server: WebSocket, HTTP streaming and HTTP polling on one port."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from aiohttp import web

from iss_agents.simulator.tlcp.control import Controls
from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.requests import STREAM_REQUESTS, Requests, refuse, request_lines
from iss_agents.simulator.tlcp.session import Connection
from iss_agents.simulator.tlcp.sessions import Sessions
from iss_agents.simulator.tlcp.websocket import WebSocketTransport
from iss_agents.simulator.tlcp.wire import LINE_END, SUBPROTOCOL, ProtocolError, read_parameters


class Server:
    """Answers Lightstreamer clients from one broadcast."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.sessions = Sessions(broadcast)
        self._requests = Requests(self.sessions, Controls(self.sessions, broadcast))
        self._connections: set[Connection] = set()

    def add_routes(self, application: web.Application) -> None:
        application.router.add_get("/lightstreamer", self._websocket)
        application.router.add_post("/lightstreamer/{name}.txt", self._http)

    def abort_connections(self) -> None:
        """Cut every stream and every WebSocket silently, as a broken network would."""
        self.sessions.abort_streams()
        for connection in self._connections:
            connection.abort()

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        with self._connected(Connection(socket.send_str, _abort(request))) as connection:
            await WebSocketTransport(self._requests, socket, connection).run()
        return socket

    async def _http(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        body = await request.text()
        if name in STREAM_REQUESTS:
            return await self._stream(request, name, body)
        session_id = request.query.get("LS_session", "")
        lines = request_lines(body.split(LINE_END))
        answers = [self._requests.answer(name, line, session_id) for line in lines]
        return web.Response(text="".join(answer + LINE_END for answer in answers))

    async def _stream(self, request: web.Request, name: str, body: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        stream = Connection(lambda text: response.write(text.encode()), _abort(request))
        with self._connected(stream) as connection, suppress(ConnectionError):
            try:
                parameters = read_parameters(body.removesuffix(LINE_END))
                session = self._requests.open(name, parameters)
                await self.sessions.serve(session, parameters, connection)
            except ProtocolError as error:
                await refuse(connection, error)
        return response

    @contextmanager
    def _connected(self, connection: Connection) -> Iterator[Connection]:
        self._connections.add(connection)
        try:
            yield connection
        finally:
            self._connections.discard(connection)


def _abort(request: web.Request) -> Callable[[], None]:
    def abort() -> None:
        if request.transport:
            request.transport.abort()

    return abort
