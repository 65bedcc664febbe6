"""Addresses that are none, and servers that answer with anything but what an announcer expects."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest

from iss_agents.announcers.announcer import Announcer, Posted
from iss_agents.announcers.circuit import BreakerAnnouncer
from iss_agents.announcers.decision import Announcement
from iss_agents.announcers.retry import RetryTiming, post_with_retry
from iss_agents.announcers.webhook import Webhook
from iss_agents.announcers.x import LARGEST_ANSWER, X
from iss_agents.detection.events import Urination
from iss_agents.runtime.health import Health
from tests.announcers.factory import FakeTime
from tests.announcers.fake_x import KEYS
from tests.factories import urination

Answer = Callable[[], AsyncIterator[bytes]]


def said(*answer: bytes) -> Answer:
    """Return an answer of so many pieces, after which the connection ends."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in answer:
            yield piece

    return pieces


def without_end(piece: bytes) -> Answer:
    """Return an answer with a body that never ends."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield piece

    return pieces


def page(status: bytes, body: bytes, *headers: bytes) -> Answer:
    """Return an answer with a body of that length."""
    length = b"Content-Length: %d" % len(body)
    return said(b"\r\n".join([b"HTTP/1.1 " + status, length, *headers, b"", body]))


LATIN_1 = page(
    b"200 OK", "Willkommen: für das Netz bitte anmelden".encode("latin-1"), b"Content-Type: text/html"
)
LATIN_1_AS_JSON = page(b"200 OK", b'{"data": {"id": "\xfc"}}', b"Content-Type: application/json")
DEEP = page(b"200 OK", b'{"data":' * 100_000)
DEEP_ERROR = page(b"500 Error", b"[" * 100_000)
LATIN_1_ERROR = page(b"403 Verboten", "für".encode("latin-1"))
REDIRECT_LOOP = page(b"302 Found", b"", b"Location: /2/tweets")
TOO_SHORT = said(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
NEGATIVE_LENGTH = said(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")
TWO_LENGTHS = said(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x")
BROKEN_CHUNKS = said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
BROKEN_GZIP = page(b"200 OK", b"no gzip", b"Content-Encoding: gzip")
BOMB = page(b"200 OK", gzip.compress(bytes(50_000_000)), b"Content-Encoding: gzip")
LARGE = page(b"200 OK", b" " * 5_000_000)
NOT_HTTP = said(b"SSH-2.0-OpenSSH_9.6\r\n")
LONG_HEADER = said(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
STRANGE_STATUS = said(b"HTTP/1.1 999 Fine\r\n\r\n")
STRANGE_RESET = page(
    b"429 Slow", b"", b"x-rate-limit-reset: 99999999999999999999", b"Retry-After: " + b"9" * 400
)
SILENCE = said()

BY_BOTH = {
    "deep error": DEEP_ERROR,
    "redirect loop": REDIRECT_LOOP,
    "negative length": NEGATIVE_LENGTH,
    "two lengths": TWO_LENGTHS,
    "not HTTP": NOT_HTTP,
    "broken chunks": BROKEN_CHUNKS,
    "long header": LONG_HEADER,
    "strange status": STRANGE_STATUS,
    "strange reset": STRANGE_RESET,
    "silence": SILENCE,
}
BY_X = {
    "Latin-1": LATIN_1,
    "Latin-1 as JSON": LATIN_1_AS_JSON,
    "deep": DEEP,
    "too short": TOO_SHORT,
    "broken gzip": BROKEN_GZIP,
    "bomb": BOMB,
    "large": LARGE,
    "without end": without_end(b"x" * 65_536),
}
"""What X's own answer can break; the answer of a webhook is not read."""


class Hostile:
    """A server that reads a request and answers with `answer`. `sent` are the bytes that it could send."""

    def __init__(self, answer: Answer, end_of_request: bytes = b"\r\n\r\n") -> None:
        self.sent = 0
        self._answer = answer
        self._end_of_request = end_of_request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(self._end_of_request)
            async with aclosing(self._answer()) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    self.sent += len(piece)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer, *end_of_request: bytes) -> AsyncIterator[tuple[str, Hostile]]:
    hostile = Hostile(answer, *end_of_request)
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", hostile


async def tell(announcer: Announcer) -> Announcement:
    time = FakeTime()
    resting = BreakerAnnouncer(announcer, timedelta(hours=1), Health(), time.clock, time.seconds)
    return await post_with_retry(
        resting, "text", urination(), RetryTiming(time.clock, time.sleep, attempt_seconds=2.0)
    )


@pytest.mark.parametrize("answer", [*BY_BOTH.values(), *BY_X.values()], ids=[*BY_BOTH, *BY_X])
async def test_no_answer_of_x_breaks_more_than_the_attempt(answer: Answer) -> None:
    async with serving(answer) as (address, hostile):
        told = await tell(X(KEYS, f"http://{address}"))

    assert (told.outcome, told.attempts in {1, 3}) == ("failed", True)
    assert hostile.sent < 3 * (LARGEST_ANSWER + 8_000_000), "what a socket's buffers hold, and no more"


async def test_a_refusal_of_x_counts_whatever_its_text() -> None:
    async with serving(LATIN_1_ERROR) as (address, _):
        assert (await tell(X(KEYS, f"http://{address}"))).outcome == "refused"


@pytest.mark.parametrize("answer", BY_BOTH.values(), ids=BY_BOTH)
async def test_no_answer_of_a_webhook_breaks_more_than_the_attempt(answer: Answer) -> None:
    async with serving(answer) as (address, _):
        assert (await tell(Webhook(f"http://{address}/hook"))).outcome == "failed"


@pytest.mark.parametrize("answer", BY_X.values(), ids=BY_X)
async def test_what_a_webhook_says_beyond_yes_does_not_matter(answer: Answer) -> None:
    async with serving(answer) as (address, _):
        assert (await tell(Webhook(f"http://{address}/hook"))).outcome == "posted"


@pytest.mark.parametrize(
    "address",
    [
        "https://discord..com/secret",
        f"https://{'secret' * 11}.example.org/",
        "https://.example.org/secret",
        "http://127.0.0.1:99999/secret",
        "secret",
        "http://",
        "http://secret\udcff/",
        "http://127.0.0.1:1/secret",
    ],
)
async def test_an_address_that_is_none_fails_the_text_and_stays_secret(address: str) -> None:
    told = await tell(Webhook(address))

    assert (told.outcome, told.attempts) == ("failed", 3)
    assert "secret" not in (told.error or "")


async def test_tls_that_is_none_fails_the_text() -> None:
    first_bytes_of_a_handshake = b"\x16\x03\x01"
    async with serving(NOT_HTTP, first_bytes_of_a_handshake) as (address, _):
        assert (await tell(X(KEYS, f"https://{address}"))).outcome == "failed"
        assert (await tell(Webhook(f"https://{address}/secret"))).outcome == "failed"


class Broken:
    """An announcer with a fault of its own."""

    name = "broken"

    async def post(self, text: str, event: Urination) -> Posted:
        raise KeyError(text, event)


async def test_an_announcer_with_a_fault_leaves_its_circuit_usable() -> None:
    assert (await tell(Broken())).error == "an attempt failed (KeyError)"
