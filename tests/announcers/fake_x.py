"""X as far as posting goes: checks the signature, keeps what it took, and answers as it is told to."""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature

from iss_agents.announcers.x import API, Keys

KEYS = Keys("consumer-key", "consumer-secret", "access-token", "access-secret")

DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
"""The detail of a 403 for a text that X has (facts of February 2026)."""

RESET_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a TCP reset."""


class Asked(NamedTuple):
    """A request to post that has a good signature."""

    request: web.Request
    text: str


Answer = Callable[[Asked], Awaitable[web.StreamResponse]]


class FakeX:
    """Answers with the next of `answers`, and once they are used up like X: 201, or 403 for a text it has.

    `received` are all texts that came with a good signature, `posts` those that were taken. `date` is the
    time that its answers tell.
    """

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.received: list[str] = []
        self.posts: list[str] = []
        self.date = ""
        self._ending = asyncio.Event()

    async def start(self) -> "FakeX":
        """Listen on a free port."""
        application = web.Application()
        application.router.add_post("/2/tweets", self._tweets)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = site.name
        return self

    async def stop(self) -> None:
        """Let hanging requests go, and stop listening."""
        self._ending.set()
        await self._runner.cleanup()

    async def take(self, asked: Asked) -> web.StreamResponse:
        """Take the text, unless it is a duplicate."""
        if asked.text in self.posts:
            return problem(403, DUPLICATE)
        self.posts.append(asked.text)
        post = {"id": str(1_900_000_000_000_000_000 + len(self.posts)), "text": asked.text}
        return web.json_response({"data": post}, status=201)

    async def hang(self, _asked: Asked) -> web.StreamResponse:
        """Never answer."""
        await self._ending.wait()
        return web.Response(status=503)

    async def reset(self, asked: Asked) -> web.StreamResponse:
        """Reset the connection instead of an answer."""
        transport = asked.request.transport
        assert transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        transport.abort()
        return web.Response()

    async def take_and_reset(self, asked: Asked) -> web.StreamResponse:
        """Take the text and reset the connection: the sender cannot know."""
        await self.take(asked)
        return await self.reset(asked)

    async def take_and_hang(self, asked: Asked) -> web.StreamResponse:
        """Take the text and never say so."""
        await self.take(asked)
        return await self.hang(asked)

    async def _tweets(self, request: web.Request) -> web.StreamResponse:
        if not is_signed(request):
            return problem(401, "Unauthorized")
        text = (await request.json())["text"]
        self.received.append(text)
        answer = self.answers.popleft() if self.answers else self.take
        response = await answer(Asked(request, text))
        response.headers.setdefault("Date", self.date)
        return response


def is_signed(request: web.Request) -> bool:
    """Whether the request carries an OAuth 1.0a signature by `KEYS` for X's own address."""
    try:
        parameters = dict(signature.collect_parameters(headers=request.headers, exclude_oauth_signature=False))
    except ValueError:
        return False
    signed = Request(f"{API}{request.path}", http_method=request.method)
    signed.signature = parameters.pop("oauth_signature", "")
    signed.params = sorted(parameters.items())
    return (
        parameters.get("oauth_consumer_key") == KEYS.consumer_key
        and parameters.get("oauth_token") == KEYS.access_token
        and parameters.get("oauth_signature_method") == "HMAC-SHA1"
        and parameters.get("oauth_version") == "1.0"
        and {"oauth_nonce", "oauth_timestamp"} <= parameters.keys()
        and signature.verify_hmac_sha1(signed, KEYS.consumer_secret, KEYS.access_secret)
    )


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as X words it."""
    document = {"title": "Error", "detail": detail, "type": "about:blank", "status": status}
    return web.json_response(document, status=status, headers=headers)


def answering(response: Callable[[], web.Response]) -> Answer:
    """Return an answer that is the same whatever was asked; a response serves once, so it is made each time."""

    async def answer(_asked: Asked) -> web.StreamResponse:
        return response()

    return answer


def rate_limited(reset: int, **headers: str) -> Answer:
    """Return a 429 whose limit begins anew at `reset`, Unix time."""
    all_headers = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answering(lambda: problem(429, "Too Many Requests", all_headers | named))


def refusing(status: int, detail: str) -> Answer:
    """Return an error in JSON."""
    return answering(lambda: problem(status, detail))


def page(status: int, html: str = "<html>Over capacity</html>") -> Answer:
    """Return an answer that is a page for browsers."""
    return answering(lambda: web.Response(status=status, text=html, content_type="text/html"))


def body(content: bytes) -> Answer:
    """Return a 200 with any bytes, as a captive portal answers."""
    return answering(lambda: web.Response(body=content, content_type="text/html"))


def empty(status: int, **headers: str) -> Answer:
    """Return an answer without a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answering(lambda: web.Response(status=status, headers=named))


def document(status: int, content: Any) -> Answer:
    """Return any JSON."""
    return answering(
        lambda: web.Response(status=status, text=json.dumps(content), content_type="application/json")
    )
