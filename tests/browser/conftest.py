"""A real browser before a real worker. Both are started once; every test gets a page of its own.

All tests of a run and these fixtures share one event loop, in which the station plays, so a test file begins
with `pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]`.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright, expect

from tests.browser.stage import Stage, staged
from tests.browser.views import Views, viewed
from tests.pipeline.conftest import Broker

SHOWN_MILLISECONDS = 10_000
"""How long an expected thing may take to show; live changes come within one second."""

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A worker with a day behind it, whose station sends what the test publishes."""
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        async with staged(broker, tmp_path_factory.mktemp("stage")) as stage:
            yield stage
    finally:
        broker.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("There is no chromium on PATH: install it with `apt-get install chromium`", pytrace=False)
    expect.set_options(timeout=SHOWN_MILLISECONDS)
    async with async_playwright() as playwright:
        # A container has no user namespaces for the sandbox, and only our own pages are looked at.
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
def forgiven() -> list[str]:
    """Parts of console messages that the test provokes, to be appended by it."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, stage: Stage, forgiven: list[str]) -> AsyncIterator[Page]:
    """An empty page for addresses of the worker; errors and warnings in its console fail the test."""
    async with opened(browser, stage.worker.url, forgiven) as page:
        yield page
    assert stage.worker.process
    assert stage.worker.process.poll() is None, stage.worker.log


@pytest_asyncio.fixture(loop_scope="session")
async def views() -> AsyncIterator[Views]:
    """The pages of a worker that knows nothing but that the real station's signal is acquired."""
    async with viewed() as views:
        yield views


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, views: Views, forgiven: list[str]) -> AsyncIterator[Page]:
    """An empty page for addresses of `views`, which have no history."""
    forgiven.append("503 (Service Unavailable)")
    async with opened(browser, views.url, forgiven) as page:
        yield page


@asynccontextmanager
async def opened(
    browser: Browser, url: str, forgiven: list[str], timezone_id: str | None = None
) -> AsyncIterator[Page]:
    """Open an empty page for addresses below `url`; after the block its console must hold no complaint."""
    errors: list[str] = []
    context = await browser.new_context(base_url=url, viewport=DESK, timezone_id=timezone_id)
    context.set_default_timeout(SHOWN_MILLISECONDS)
    page = await context.new_page()
    page.on("console", lambda message: errors.extend(_complaint(message)))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert [error for error in errors if not any(part in error for part in forgiven)] == []


def _complaint(message: ConsoleMessage) -> list[str]:
    if message.type not in {"error", "warning"}:
        return []
    return [f"{message.text} ({message.location['url']})"]
