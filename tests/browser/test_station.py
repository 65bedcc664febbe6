"""The simulated station and a web page of somebody else, open in the same machine's browser."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from iss_agents.simulator.station import Station

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

WAYS = {
    "fetch": "url => fetch(url, {method: 'POST', mode: 'no-cors'}).then(answer => answer.type)",
    "beacon": "url => navigator.sendBeacon(url)",
}
FORM = """url => {
  const form = document.createElement('form');
  form.method = 'POST';
  form.action = url;
  document.body.append(form);
  form.submit();
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def station() -> AsyncIterator[Station]:
    station = await Station().start()
    yield station
    await station.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def strange_page(unused_tcp_port: int) -> AsyncIterator[str]:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<title>Somebody else</title>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield f"http://127.0.0.1:{unused_tcp_port}/"
    await runner.cleanup()


@pytest.mark.parametrize("policy", ["strict-origin-when-cross-origin", "no-referrer"])
async def test_a_strange_page_commands_nothing(
    browser: Browser, station: Station, strange_page: str, policy: str
) -> None:
    asked: list[str] = []
    station.faults.los = asked.append  # type: ignore[assignment, method-assign] # is told instead of acting
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(strange_page)
    await page.evaluate(f"document.head.innerHTML = '<meta name=referrer content={policy}>'")

    for script in WAYS.values():
        await page.evaluate(script, f"{station.url}/faults/los")
    async with page.expect_navigation(url=f"{station.url}/**") as shown:
        await page.evaluate(FORM, f"{station.url}/faults/los")

    answer = await shown.value
    assert answer
    assert answer.status == 403
    assert asked == []
    await context.close()
