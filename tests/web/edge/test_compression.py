"""Replies are compressed for whoever takes that, and are the same for everyone."""

import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.web.conftest import Client
from web.edge.compression import FEWEST_BYTES

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
async def raw(client: Client) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that gets the bytes as they were sent."""
    async with aiohttp.ClientSession(client.make_url("/"), auto_decompress=False) as session:
        yield session


@pytest.mark.parametrize("path", ["/api/v1/items", "/api/v1/openapi.json", "/api", "/", "/static/style.css"])
async def test_what_is_large_is_compressed_and_the_same(raw: aiohttp.ClientSession, path: str) -> None:
    async with raw.get(path, headers={"Accept-Encoding": "identity"}) as answer:
        plain, plain_headers = await answer.read(), answer.headers
    async with raw.get(path, headers=GZIP) as answer:
        packed, headers = await answer.read(), answer.headers

    assert "Content-Encoding" not in plain_headers
    assert headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in headers["Vary"]
    assert len(packed) < len(plain) / 2
    assert len(gzip.decompress(packed)) == len(plain)


@pytest.mark.parametrize("path", ["/livez", "/api/v1/items/NODE3000005", "/api/v1/items/NODE9"])
async def test_what_is_small_is_sent_as_it_is(raw: aiohttp.ClientSession, path: str) -> None:
    async with raw.get(path, headers=GZIP) as answer:
        body, headers = await answer.read(), answer.headers

    assert "Content-Encoding" not in headers
    assert len(body) < FEWEST_BYTES


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "deflate, gzip; q=0.0"])
async def test_who_takes_no_gzip_gets_none(raw: aiohttp.ClientSession, accepted: str) -> None:
    async with raw.get("/api/v1/items", headers={"Accept-Encoding": accepted}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert (await answer.read()).startswith(b"{")


@pytest.mark.parametrize("accepted", ["gzip", "GZIP", "br;q=1.0, gzip;q=0.8, *;q=0.1", "deflate,gzip"])
async def test_who_takes_gzip_gets_it(raw: aiohttp.ClientSession, accepted: str) -> None:
    async with raw.get("/api/v1/items", headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"


async def test_a_stream_of_events_is_never_compressed(raw: aiohttp.ClientSession) -> None:
    async with raw.get("/api/v1/stream", headers=GZIP) as answer:
        assert "Content-Encoding" not in answer.headers
