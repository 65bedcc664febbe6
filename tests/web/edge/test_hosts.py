"""A worker that everyone on its machine may read is not read through somebody's browser."""

import asyncio

import pytest

from tests.web.conftest import Client, problem
from tests.web.edge.test_slow_clients import port_of, serving
from tests.web.world import KNOWN
from web.base.context import WorkerContext
from web.edge.server import Server

LOCAL = [
    "localhost",
    "LOCALHOST:1",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:43000",
    "127.8.8.8",
    "[::1]",
    "[::1]:8000",
]
FOREIGN = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.0.2.1",
    "[::2]",
]
MALFORMED = ["", "a b", "[", "[::1", "a:b", "a:1:2", "a/b", "user@localhost", "<script>", "localhost:123456"]


@pytest.fixture
def mode() -> dict[str, object]:
    return {}


@pytest.fixture
def changes(mode: dict[str, object]) -> dict[str, object]:
    return mode


async def status_of(client: Client, path: str, host: str) -> int:
    return (await client.get(path, headers={"Host": host})).status


@pytest.mark.parametrize("host", LOCAL)
async def test_on_its_machine_a_worker_has_these_names(client: Client, host: str) -> None:
    assert await status_of(client, "/api/v1/items", host) == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_by_any_other_name_nothing_of_it_is_read(client: Client, host: str) -> None:
    patterns = {route.resource.canonical for route in client.app.router.routes() if route.resource}
    paths = [pattern.format(**KNOWN) for pattern in patterns] + ["/static/style.css", "/nothing"]
    assert len(paths) > 20
    assert {path: await status_of(client, path, host) for path in paths} == dict.fromkeys(paths, 421)


async def test_who_asked_by_another_name_is_told_why(client: Client) -> None:
    answer = await client.get("/metrics", headers={"Host": "Evil.example:8000"})

    assert await answer.json() == problem(
        421,
        "Misdirected Request",
        "This worker answers to localhost only, and was asked as evil.example; "
        "set ISS_PUBLIC=true if everyone may read it",
    )


@pytest.mark.parametrize(
    "mode",
    [
        {"public": True},
        {"web_host": "0.0.0.0", "public": True},
        {"web_host": "0.0.0.0", "read_token": "secret"},
        {"trusted_proxies": "127.0.0.1", "read_token": "secret"},
    ],
)
@pytest.mark.parametrize("host", ["station.example", "192.0.2.1:8000", "worker_1"])
async def test_where_it_is_said_who_may_read_the_name_does_not_matter(client: Client, host: str) -> None:
    answer = await client.get("/api/v1/items", headers={"Host": host, "Authorization": "Bearer secret"})

    assert answer.status == 200


@pytest.mark.parametrize("mode", [{}, {"public": True}])
@pytest.mark.parametrize("host", MALFORMED)
async def test_what_names_no_host_is_refused(client: Client, host: str) -> None:
    answer = await client.get("/api", headers={"Host": host})
    document = await answer.json()

    assert (answer.status, document["parameter"], document["value"]) == (400, "Host", host)


async def first_line(web: Server, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
    writer.write(request)
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    return line


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /api HTTP/1.0\r\n\r\n", b" 200 "),
        (b"GET /api HTTP/1.1\r\n\r\n", b" 400 "),
        (b"GET /api HTTP/1.1\r\nHost: \xff\r\n\r\n", b" 400 "),
        (b"GET http://evil.example/api HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 421 "),
        (b"GET http://localhost/api HTTP/1.1\r\nHost: evil.example\r\n\r\n", b" 200 "),
    ],
    ids=["an old client", "none", "no text", "another in the first line", "ours in the first line"],
)
async def test_the_host_is_what_the_request_names(
    context: WorkerContext, caplog: pytest.LogCaptureFixture, request_bytes: bytes, status: bytes
) -> None:
    async with serving(context) as web:
        assert status in await first_line(web, request_bytes)
    assert [record for record in caplog.records if record.name.startswith("web")] == []
