"""What the doctor says of a worker that tells only readers why it does not work."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, json_response
from pydantic import SecretStr

from iss_agents.config.settings import Settings
from iss_agents.tools.doctor.worker import check

TOKEN = "battery staple"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def health(request: Request) -> Response:
        reads = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        detail = "The feed at http://user:hunter2@feed.example is away" if reads else ""
        return json_response(
            {"status": "failing", "parts": {"feed": {"ok": False, "detail": detail}}}, status=503
        )

    application = Application()
    application.router.add_get("/healthz", health)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_it_brings_the_token_and_shows_no_password(address: str) -> None:
    [finding] = await check(Settings(url=address, read_token=SecretStr(TOKEN)))

    assert finding.sentence == (
        f"feed of the worker at {address} does not work: The feed at http://user:***@feed.example is away"
    )


async def test_an_address_with_a_user_needs_no_token(address: str) -> None:
    url = address.replace("http://", "http://user:hunter2@")

    [finding] = await check(Settings(url=url, read_token=SecretStr(TOKEN)))

    assert finding.level == "failing"
    assert "hunter2" not in finding.sentence
