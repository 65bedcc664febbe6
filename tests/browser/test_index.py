"""The page of everything, in a real browser. What changes the station for others is in test_live.py."""

import re

import pytest
from playwright.async_api import Locator, Page, Response, expect

from iss_agents.telemetry.catalog import TANK_ITEM
from tests.browser.accessibility import grave_findings
from tests.browser.conftest import PHONE
from tests.browser.past import LEVEL_AFTER, USES
from tests.browser.stage import Stage
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ITEMS = 337
MOST_BYTES = 200_000
SILENT_MILLISECONDS = 16_000
"""After 15 s without a word the page takes its connection for dead."""
HIDDEN_MILLISECONDS = 61_000
"""After a minute out of sight it does without one."""

SETTLED_MILLISECONDS = 60_000

CONNECTIONS = """
const Source = EventSource;
window.connections = [];
window.EventSource = class extends Source {
  constructor(address) { super(address); connections.push(this); }
  addEventListener(name, handle) { super.addEventListener(name, (event) => this.dead || handle(event)); }
};"""
"""Lets a test see the connections of the page, and have nothing more arrive over one that is `dead`."""

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def picture(page: Page) -> Locator:
    """Return the plot of the tank, which its label describes."""
    return page.get_by_role("img", name=re.compile("^Urine tank, .* UTC to .* UTC: "))


def rows(page: Page) -> Locator:
    """Return the rows of the items that are shown."""
    return page.locator(".row:visible")


async def test_the_first_look_tells_signal_tank_uses_and_every_item(page: Page) -> None:
    await page.goto("/")

    await expect(page).to_have_title("ISS telemetry")
    await expect(page.locator("#signal")).to_have_text("In contact signal acquired (AOS)")
    await expect(page.locator("#newest")).to_have_text(re.compile(r"^\d s ago$"))
    await expect(page.locator("#level")).to_have_text(f"{LEVEL_AFTER}%")
    # The clock ticks again, and half a minute of it makes the level known.
    steady = f"Level {LEVEL_AFTER} %, steady"
    await expect(page.locator("#gauge")).to_have_attribute("aria-label", steady, timeout=SETTLED_MILLISECONDS)
    await expect(page.locator("#last-use")).to_have_text(re.compile(r"^(119 min|2 h) ago, .*\d\d:\d\d$"))
    await expect(page.locator("#uses .use")).to_have_count(USES)
    await expect(page.locator("#uses .use").first).to_contain_text("28 → 32 %")
    await expect(page.locator("#uses .decision summary").first).to_have_text("too late")
    await expect(page.locator(".row")).to_have_count(ITEMS)
    await expect(page.locator("#parts li")).to_contain_text(["agents ✓ ok", "archive ✓ ok"])


async def test_the_plot_shows_the_last_hours_with_uses_and_gaps(page: Page) -> None:
    await page.goto("/")

    words = rf"20 to {LEVEL_AFTER} %, last {LEVEL_AFTER} %; \d spans? without readings; {USES} uses"
    await expect(picture(page)).to_have_attribute("aria-label", re.compile(words))
    await expect(page.locator("#tank-span")).to_have_text(re.compile("^Since the first reading, "))
    await expect(page.locator("#tank-plot canvas")).to_be_visible()


async def test_all_that_the_page_loads_weighs_less_than_200_kilobytes(page: Page) -> None:
    files: list[Response] = []
    page.on("response", lambda response: files.append(response) if "/api/" not in response.url else None)
    await page.goto("/", wait_until="load")
    await expect(picture(page)).to_be_visible()

    assert {response.status for response in files} == {200}
    assert sum([len(await response.body()) for response in files]) < MOST_BYTES


async def test_a_search_finds_names_ids_and_states(page: Page) -> None:
    await page.goto("/")
    await expect(page.locator("#found")).to_have_text(f"{ITEMS} of {ITEMS} items")

    await page.keyboard.press("/")
    await page.keyboard.type("urine tank")
    await expect(rows(page)).to_have_text([re.compile("^Urine Tank Qty32%")])
    await expect(page).to_have_url(re.compile(r"\?text=urine\+tank$"))

    await page.get_by_role("searchbox").fill(TANK_ITEM.lower())
    await expect(page.locator("#found")).to_have_text(f"1 of {ITEMS} items")

    await page.get_by_role("searchbox").fill("processor standby")
    await expect(rows(page)).to_have_text([re.compile("^Urine Processor StateSTANDBY")])

    await page.get_by_role("searchbox").fill("no such thing")
    await expect(page.locator("#none-found")).to_be_visible()


async def test_a_bookmarked_search_is_there_again(page: Page) -> None:
    await page.goto("/?text=urine")

    await expect(page.get_by_role("searchbox")).to_have_value("urine")
    await expect(rows(page)).to_have_count(2)


async def test_a_discipline_shows_its_items_only(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("radio", name="Robotic arms").check()

    await expect(rows(page)).to_have_count(39)
    await expect(page.get_by_role("heading", level=3)).to_have_text("Robotic arms CSA")


async def test_an_item_leads_to_its_own_view(page: Page) -> None:
    await page.goto("/?text=urine+tank")
    await page.get_by_role("link", name="Urine Tank Qty").click()

    await expect(page).to_have_url(re.compile(f"/items/{TANK_ITEM}$"))


async def test_what_was_never_measured_says_so(page: Page) -> None:
    await page.goto("/?text=S0000001")

    await expect(page.locator(".row:visible .value")).to_have_text("\N{EN DASH}")
    await expect(page.locator(".row:visible .age")).to_have_text("never")
    await expect(page.locator(".row:visible")).to_have_attribute("data-stale", "")


async def test_a_phone_needs_no_scrolling_to_the_side(page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await page.goto("/")
    await expect(picture(page)).to_be_visible()
    await expect(page.locator(".row")).to_have_count(ITEMS)

    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_grave_keeps_anyone_out(page: Page, colours: str, width: int) -> None:
    await page.emulate_media(color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto("/")
    await expect(page.locator("#uses .use")).to_have_count(USES)
    await expect(picture(page)).to_be_visible()

    assert await grave_findings(page) == []


async def test_a_connection_that_only_seems_alive_is_replaced(page: Page) -> None:
    await page.add_init_script(CONNECTIONS)
    await page.clock.install()
    await page.goto("/")
    await expect(page.locator("#signal")).to_contain_text("AOS")
    await page.evaluate("connections[0].dead = true")
    await page.clock.fast_forward(SILENT_MILLISECONDS)

    await until(lambda: page.evaluate("connections.length === 2"))
    await expect(page.locator("#connection")).to_be_hidden()
    assert await page.evaluate("connections[0].readyState === EventSource.CLOSED")


async def test_a_page_that_nobody_looks_at_gives_its_connection_back(page: Page) -> None:
    await page.add_init_script(CONNECTIONS)
    await page.clock.install()
    await page.goto("/")
    await expect(page.locator("#signal")).to_contain_text("AOS")

    await page.evaluate(HIDE, arg=True)
    await page.clock.fast_forward(HIDDEN_MILLISECONDS)
    await until(lambda: page.evaluate("connections.every((each) => each.readyState === EventSource.CLOSED)"))
    before = await page.evaluate("connections.length")
    await page.evaluate(HIDE, arg=False)

    assert await page.evaluate("connections.length") == before + 1
    await expect(page.locator("#newest")).to_have_text(re.compile(r"^\d s ago$"))
    await expect(page.locator("#connection")).to_be_hidden()


async def test_without_the_database_the_rest_goes_on(page: Page, stage: Stage, forgiven: list[str]) -> None:
    forgiven.append("503")
    async with stage.without_database():
        await page.goto("/")

        await expect(page.locator("#tank-note")).to_contain_text("The history is not available", timeout=30_000)
        await expect(page.locator("#tank-plot")).to_be_hidden()
        await expect(page.locator("#level")).to_have_text(f"{LEVEL_AFTER}%")
        await expect(page.locator("#newest")).to_have_text(re.compile(r"^\d s ago$"))
        await expect(page.locator("#parts")).to_contain_text("database ✗ failing")

    await expect(picture(page)).to_be_visible(timeout=30_000)
    await expect(page.locator("#tank-note")).to_be_hidden()
