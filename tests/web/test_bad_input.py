"""Bad input of every kind, byte by byte: a problem that is described, and never a failure."""

import asyncio
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.factories import TOKEN
from tests.web.world import world
from web.base.problems import CONTENT_TYPE


@pytest.fixture(scope="module")
def address(mongo_url: str) -> Iterator[str]:
    with world(mongo_url) as served:
        yield served


async def exchange(address: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are and return status, headers and body of the answer."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(request)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    writer.close()
    await writer.wait_closed()
    return int(head[0].split()[1]), headers, body


ITEMS, TELEMETRY = b"/api/v1/items/", b"/api/v1/telemetry?"
TARGETS = [
    ITEMS + b"%00",
    ITEMS + b"NODE3000005%00",
    ITEMS + b"..%2f..%2fetc%2fpasswd",
    ITEMS + b"../../../etc/passwd",
    ITEMS + b"%2e%2e/%2e%2e/etc",
    ITEMS + b"\xff\xfe",
    ITEMS + b"%ff%fe",
    ITEMS + b"%ED%A0%80",
    ITEMS + b"%u0041",
    ITEMS + b"%",
    ITEMS + b"A" * 8000,
    ITEMS + b"A" * 20_000,
    ITEMS + b"NODE3000005/",
    ITEMS + b"NODE3000005;x=1",
    b"/api/v1/events/\xff",
    b"/api/v1/events/%00",
    b"/api/v1/events/$ne",
    b"/api/v1/tables/last_seen/%00",
    b"/api/v1/tables/__class__",
    b"/api/v1//items",
    b"//api/v1/items",
    b"/api/v1/items?\xff=1",
    b"/api/v1/items?discipline[$ne]=1",
    b"/api/v1/items?=",
    b"/api/v1/items?&&&=&a",
    TELEMETRY + b"item[$ne]=1",
    TELEMETRY + b"item%5B%24ne%5D=1",
    TELEMETRY + b'item={"$gt":""}',
    TELEMETRY + b"item=%00",
    TELEMETRY + b"item=%ED%A0%80",
    TELEMETRY + b"item=\xff",
    TELEMETRY + b"limit=\xd9\xa3x",
    TELEMETRY + b"limit=1e400",
    TELEMETRY + b"limit=" + b"9" * 5000,
    TELEMETRY + b"limit=-9223372036854775809",
    TELEMETRY + b"limit=5&limit=5",
    TELEMETRY + b"from=-999999d",
    TELEMETRY + b"from=9999-12-31T23:59:59%2B00:00",
    TELEMETRY + b"from=0001-01-01T00:00:00%2B23:59",
    TELEMETRY + b"to=\x7f",
    TELEMETRY + b"from=-1h&from=-2h",
    TELEMETRY + b"cursor=%00",
    TELEMETRY + b"cursor=" + b"A" * 7000,
    TELEMETRY + b"cursor=WzEsIHsiJG5lIjogMX1d",
    TELEMETRY + b"cursor=Wzk5OTk5OTk5OTk5OTk5OTk5LCAiYSJd",
    TELEMETRY + b"format=exe",
    b"/api/v1/nothing",
    b"/%5c..%5cetc",
    b"/api/v1/items%3Fdiscipline=1",
    b"*",
    b"http://",
    b"http://[::1/api/v1/items",
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: repr(target[:60])[2:-1])
async def test_an_address_that_asks_for_nothing_we_have_is_a_problem(address: str, target: bytes) -> None:
    status, headers, body = await exchange(address, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert (status in {400, 404}, headers["content-type"]) == (True, CONTENT_TYPE)
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    "header",
    [
        b"Host: \xff",
        b"Host: [",
        b"Host: a b",
        b"Range: bytes=0-1",
        b"Range: x",
        b"Accept: \xff",
        b"Accept-Encoding: gzip;q=x",
        b"Connection: Upgrade\r\nUpgrade: websocket",
        b"If-None-Match: \xff",
        b'If-None-Match: "',
        b"If-Modified-Since: x",
        b"Last-Event-ID: \x80",
        b"Cookie: \xff=;;",
        b"Content-Length: 0",
        b"Origin: \xff",
        b"Authorization: Bearer \xff",
    ],
)
@pytest.mark.parametrize(
    "path", [b"/api", b"/api/v1/items/NODE3000005", b"/api/v1/openapi.json", b"/api/v1/nothing"]
)
async def test_odd_headers_change_no_answer(address: str, header: bytes, path: bytes) -> None:
    plain = await exchange(address, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    odd = await exchange(address, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n")

    assert odd[0] in {plain[0], 400}


@pytest.mark.parametrize(
    "method",
    [
        "DELETE",
        "PUT",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "PROPFIND",
        "SEARCH",
        "CONNECT",
        "BREW",
        "get",
        "G\x00T",
        "\xff",
    ],
)
async def test_another_method_is_a_problem(address: str, method: str) -> None:
    request = f"{method} /api/v1/items HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode(
        "latin-1"
    )
    status, headers, body = await exchange(address, request)

    assert (status in {400, 404, 405}, headers["content-type"]) == (True, CONTENT_TYPE)
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    "lines",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: the-unexpected\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /api/v1/ingest/test HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem(
    address: str, lines: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    status, headers, body = await exchange(address, lines)

    assert (status in {400, 417}, headers["content-type"]) == (True, CONTENT_TYPE)
    assert json.loads(body)["status"] == status
    assert caplog.records == []


BODIES = [
    b'{"item_id": "NODE3000005", "value": "\\ud800"}',
    b'{"item_id": "NODE3000005", "value": "\xff"}',
    b'{"item_id": {"$ne": 1}, "value": "1"}',
    b'{"item_id": "NODE3000005", "value": 1e999}',
    b'{"item_id": "\\u0000", "value": "1"}',
    b"[" * 60_000,
    b'{"a":' * 9_000,
    b'"' + b"x" * 60_000,
    b"NaN",
    b'{"item_id": "NODE3000005", "value": "1", "$where": "1"}',
    b'{"\\ud800": 1}',
    b'{"item_id": "NODE3000005", "value": "1", "source_ts": "99999-01-01T00:00:00Z"}',
    b'{"item_id": "NODE3000005", "value": "1", "source_ts": "0001-01-01T00:00:00+23:59"}',
    b'{"item_id": "NODE3000005", "value": "1", "source_ts": 1e308}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:60])[2:-1])
async def test_a_bad_body_is_a_problem(address: str, body: bytes) -> None:
    fields = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    lines = [f"{name}: {value}" for name, value in {**fields, "Content-Length": len(body)}.items()]
    head = "\r\n".join(["POST /api/v1/ingest/test HTTP/1.1", *lines, "", ""])
    status, headers, answer = await exchange(address, head.encode() + body)

    assert (status, headers["content-type"]) == (400, CONTENT_TYPE)
    assert json.loads(answer)["status"] == status
