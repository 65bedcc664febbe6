"""The pages below a path, as a proxy serves them that strips it (`handle_path /iss/*` of Caddy)."""

import re
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from iss_agents.telemetry.catalog import TANK_ITEM
from tests.browser.stage import Stage

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

DROPPED = {"Transfer-Encoding", "Content-Encoding", "Content-Length", "Connection"}


@pytest_asyncio.fixture(loop_scope="session")
async def prefixed(stage: Stage) -> AsyncIterator[str]:
    """The address of the stage's worker below /iss, and nothing beside it."""
    async with aiohttp.ClientSession() as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            address = f"{stage.worker.url}/{request.match_info['rest']}"
            async with session.get(address, params=request.query, allow_redirects=False) as answer:
                headers = {name: value for name, value in answer.headers.items() if name not in DROPPED}
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                with suppress(ConnectionError):  # the page has left its stream
                    async for chunk in answer.content.iter_any():
                        await response.write(chunk)
            return response

        application = web.Application()
        application.router.add_get("/iss/{rest:.*}", forward)
        async with TestServer(application) as server:
            yield str(server.make_url("/iss/"))


async def test_the_pages_work_below_a_path(page: Page, prefixed: str) -> None:
    await page.goto(prefixed)
    await expect(page.locator("#signal")).to_have_text("In contact signal acquired (AOS)")
    await expect(page.get_by_role("img", name="Urine tank, ")).to_be_visible()

    await page.locator("#tank-title a").click()
    await expect(page).to_have_url(f"{prefixed}items/{TANK_ITEM}")
    await expect(page.locator("#value")).to_have_text(re.compile(r"^\d+%$"))
    await expect(page.locator("#readings tr").first).to_be_visible()

    await page.get_by_role("link", name="All items").click()
    await expect(page).to_have_url(prefixed)
    await page.get_by_role("link", name="API", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("API")
    await page.get_by_role("link", name="openapi.json", exact=True).click()
    await expect(page).to_have_url(f"{prefixed}api/v1/openapi.json")
