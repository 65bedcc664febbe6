"""No byte of a body is invited, unpacked or read before its request has been judged."""

import asyncio
import gzip
import json
import zlib
from multiprocessing import get_context
from time import process_time

import pytest

from tests.factories import TOKEN
from tests.web.api.test_ingest import AUTHORIZED, MEASUREMENT, PATH
from tests.web.conftest import Client, Offers, problem
from tests.web.edge.test_slow_clients import port_of, serving
from web.base.context import WorkerContext

JSON = {**AUTHORIZED, "Content-Type": "application/json"}
BODY = json.dumps(MEASUREMENT).encode()
BOMB = gzip.compress(bytes(100_000_000), 9)
TARGETS = ["GET /", "POST /", "GET /healthz", "POST /nothing", "PUT /api/v1/items", f"POST {PATH}"]


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("br", BODY),
        ("zstd", BODY),
        ("GZIP", BODY),
        ("identity, gzip", gzip.compress(BODY)),
    ],
)
async def test_a_packed_body_is_refused(client: Client, offers: Offers, coding: str, body: bytes) -> None:
    answer = await client.post(PATH, data=body, headers={**JSON, "Content-Encoding": coding})

    detail = f"The body has the Content-Encoding {coding}; one that is not packed is expected"
    assert await answer.json() == problem(415, "Unsupported Media Type", detail)
    assert offers.records == []


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
async def test_a_body_that_says_it_is_not_packed_is_read(client: Client, coding: str) -> None:
    assert (await client.post(PATH, data=BODY, headers={**JSON, "Content-Encoding": coding})).status == 201


def _flood(port: int, targets: list[str], headers: str, body: bytes) -> None:
    async def send(target: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"{target} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readline()
        writer.close()

    async def all_at_once() -> None:
        await asyncio.gather(*map(send, targets))

    asyncio.run(all_at_once())


async def _cost(port: int, headers: str) -> float:
    """Return the processor seconds that bodies to every kind of address cost this process."""
    flood = get_context("spawn").Process(target=_flood, args=(port, TARGETS, headers, BOMB))
    began = process_time()
    flood.start()
    await asyncio.to_thread(flood.join)
    assert flood.exitcode == 0
    return process_time() - began


@pytest.mark.long
async def test_a_body_that_unpacks_to_a_thousand_times_its_size_costs_what_it_weighs(
    context: WorkerContext,
) -> None:
    async with serving(context) as web:
        plain = await _cost(port_of(web), "")
        packed = await _cost(port_of(web), "Content-Encoding: gzip\r\n")

    # Unpacking them takes a second.
    assert packed < 2 * plain + 0.2


async def _exchange(context: WorkerContext, *lines: str) -> tuple[bytes, bytes]:
    """Return the status line of the answer to a request that holds its body back, and of the one after it."""
    async with serving(context) as web:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(web))
        head = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"Content-Length: {len(BODY)}", *lines]
        writer.write("\r\n".join([*head, "", ""]).encode())
        async with asyncio.timeout(5):
            first = await reader.readline()
            await reader.readuntil(b"\r\n")
            writer.write(BODY)
            second = await reader.readline()
        writer.close()
    return first.strip(), second.strip()


async def test_a_body_is_invited_when_its_request_has_been_judged(
    context: WorkerContext, offers: Offers
) -> None:
    lines = f"Authorization: Bearer {TOKEN}", "Content-Type: application/json", "Expect: 100-continue"

    assert await _exchange(context, *lines) == (b"HTTP/1.1 100 Continue", b"HTTP/1.1 201 Created")
    assert len(offers.records) == 1


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Expect: 100-continue"], b"HTTP/1.1 401 Unauthorized"),
        (["Expect: 100-continue", f"Authorization: Bearer {TOKEN}"], b"HTTP/1.1 415 Unsupported Media Type"),
        (["Expect: more", f"Authorization: Bearer {TOKEN}"], b"HTTP/1.1 417 Expectation Failed"),
    ],
)
async def test_a_body_is_not_invited_by_a_request_that_is_refused(
    context: WorkerContext, lines: list[str], status: bytes
) -> None:
    assert (await _exchange(context, *lines))[0] == status
