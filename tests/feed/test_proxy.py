"""The feed by way of a proxy, as the environment says, and why a feed cannot be reached."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from iss_agents.feed.proxy import ProxyAddress, proxy_for
from iss_agents.feed.reachability import why_unreachable
from iss_agents.simulator.station import Station
from tests.feed.running_feed import Running
from tests.waiting import until

FEED = "https://push.lightstreamer.com"


class ForwardProxy:
    """An HTTP proxy that takes addresses in absolute form, as for http:// and ws://, and counts them."""

    def __init__(self) -> None:
        self.forwarded: list[str] = []
        self._pumps: list[asyncio.Future[tuple[None, None]]] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        await asyncio.gather(*self._pumps)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n")
        method, address, version = head.split()
        url = URL(address.decode())
        self.forwarded.append(url.path)
        there, back = await asyncio.open_connection(url.host, url.port)
        back.write(b" ".join([method, url.raw_path_qs.encode(), version]) + b"\r\n")
        self._pumps.append(asyncio.gather(_pump(reader, back), _pump(there, writer)))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ForwardProxy]:
    made = ForwardProxy()
    monkeypatch.setenv("http_proxy", await made.start())
    monkeypatch.setenv("no_proxy", "")
    yield made
    await made.stop()


async def test_the_feed_goes_by_the_proxy_of_the_environment(
    proxy: ForwardProxy, station: Station, tmp_path: Path
) -> None:
    station.signal()
    station.publish("NODE3000005", "37")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: running.publisher.values("NODE3000005") == ["37"])

    assert "/lightstreamer" in proxy.forwarded


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy.example:3128"}, ProxyAddress("proxy.example", 3128, None, None)),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, ProxyAddress("proxy.example", 3128, None, None)),
        ({"https_proxy": "proxy.example:3128"}, ProxyAddress("proxy.example", 3128, None, None)),
        ({"https_proxy": "http://me:p%40ss@proxy.example"}, ProxyAddress("proxy.example", 80, "me", "p@ss")),
        ({"all_proxy": "http://proxy.example:8080"}, ProxyAddress("proxy.example", 8080, None, None)),
        ({"http_proxy": "http://proxy.example:3128"}, None),
        ({"https_proxy": "http://proxy.example:3128", "no_proxy": "lightstreamer.com"}, None),
    ],
)
def test_a_proxy_is_found_as_other_programs_find_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: ProxyAddress | None
) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert proxy_for(FEED) == expected


async def test_why_a_feed_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await why_unreachable("http://127.0.0.1:1") == "connection refused"
    assert await why_unreachable("http://iss.invalid") == "the name iss.invalid is not known"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    told = "the proxy at 127.0.0.1:1 does not answer: connection refused"
    assert await why_unreachable("http://iss.example") == told


async def test_a_certificate_that_nobody_vouches_for_is_told() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        assert (await why_unreachable(f"https://127.0.0.1:{port}")).startswith("its certificate is not valid: ")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("status", "told"), [(200, ""), (404, ""), (503, "it answers 503 Service Unavailable")]
)
async def test_a_server_that_answers_may_be_out_of_order(status: int, told: str) -> None:
    application = web.Application()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    application.router.add_get("/", answer)
    async with TestServer(application) as server:
        assert await why_unreachable(str(server.make_url("/"))) == told
