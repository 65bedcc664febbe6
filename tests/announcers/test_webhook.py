"""What a webhook is sent, and every kind of answer, over HTTP."""

import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from iss_agents.announcers.announcer import Posted, RefusedError, RetryableError
from iss_agents.announcers.webhook import Webhook
from iss_agents.telemetry.records import encode
from tests.factories import urination


class Receiver:
    """Keeps what it gets; answers with the next of `answers`, then 204 as Discord does."""

    def __init__(self) -> None:
        self.answers: deque[web.Response] = deque()
        self.received: list[tuple[dict[str, str], str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.query), request.content_type, await request.json()))
        return self.answers.popleft() if self.answers else web.Response(status=204)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/hook", receiver.answer)
    async with TestServer(application) as server:
        yield str(server.make_url("/hook"))


async def test_every_receiver_finds_its_field(receiver: Receiver, url: str) -> None:
    address = f"{url}?tpl=1&title={{{{.title}}}}&message={{{{.message}}}}"

    assert await Webhook(address).post("Same water, new day. 💧", urination()) == Posted()
    assert receiver.received == [
        (
            {"tpl": "1", "title": "{{.title}}", "message": "{{.message}}"},
            "application/json",
            {
                "content": "Same water, new day. 💧",
                "message": "Same water, new day. 💧",
                "title": "ISS urine tank",
                "event": json.loads(encode(urination())),
            },
        )
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_webhook_that_is_gone_refuses(receiver: Receiver, url: str, status: int) -> None:
    receiver.answers.append(web.Response(status=status))
    with pytest.raises(RefusedError, match=f"^{status} "):
        await Webhook(url).post("text", urination())


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (429, {"Retry-After": "7"}, 7),
        (429, {}, None),
        (429, {"Retry-After": "12.5"}, 12.5),
        (429, {"Retry-After": " 0.65 "}, 0.65),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
        (503, {"Retry-After": "Wed Oct 21 07:28:30 2026 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        (503, {"Retry-After": "-5"}, None),
        (503, {"Retry-After": "1e3"}, None),
        (503, {"Retry-After": "5."}, None),
        (503, {"Retry-After": "soon"}, None),
        (500, {}, None),
        (302, {"Location": "/hook"}, None),
        (400, {}, None),
    ],
)
async def test_other_answers_are_tried_again(
    receiver: Receiver, url: str, status: int, headers: dict[str, str], after: float | None
) -> None:
    receiver.answers.append(web.Response(status=status, headers=headers))
    with pytest.raises(RetryableError, match=f"^status {status}$") as trouble:
        await Webhook(url).post("text", urination())

    assert trouble.value.after == after


async def test_nobody_listening_is_tried_again_and_the_address_is_kept_secret() -> None:
    with pytest.raises(RetryableError, match=r"^ClientConnectorError$"):
        await Webhook("http://127.0.0.1:1/secret").post("text", urination())
