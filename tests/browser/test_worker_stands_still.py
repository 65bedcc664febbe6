"""A worker that stands still while its connections stay open."""

import pytest
from playwright.async_api import Page, expect

from iss_agents.telemetry.catalog import SIGNAL_ITEM
from tests.browser.views import Views

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

NOTICED_MILLISECONDS = 3_000

NOTICED = """() => new Promise((resolve) => {
  const beats = performance.now();
  new MutationObserver(() => {
    if ("lost" in document.body.dataset) resolve(performance.now() - beats);
  }).observe(document.body, { attributes: true });
})"""
"""How long it takes, by the page's own clock, until it says so."""


@pytest.mark.parametrize("address", ["/", f"/items/{SIGNAL_ITEM}"])
async def test_every_page_shows_within_three_seconds_that_the_worker_stands_still(
    look: Page, views: Views, address: str
) -> None:
    await look.goto(address)
    await expect(look.locator("#signal")).to_have_attribute("data-state", "AOS")

    await views.freeze()
    milliseconds = await look.evaluate(NOTICED)

    assert milliseconds < NOTICED_MILLISECONDS
    await expect(look.locator("#connection")).to_contain_text("no connection to the worker")
    await expect(look.locator("#signal")).to_have_attribute("data-state", "UNKNOWN")
    assert await look.locator("main").evaluate("one => getComputedStyle(one).filter") == "grayscale(1)"
