"""What a page says of its data in plain words, for people without a mouse too, and in their time zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.records import Source
from tests.browser.accessibility import grave_findings
from tests.browser.conftest import DESK, opened
from tests.browser.views import Views, viewed
from tests.factories import decision_on, urination

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

NARROW: ViewportSize = {"width": 360, "height": 740}
ROME = ZoneInfo("Europe/Rome")


def used(views: Views) -> datetime:
    """Have somebody have used the toilet an hour ago, without a post; return when that began."""
    use = urination("a1", detected_at=datetime.now(UTC) - timedelta(hours=1))
    views.show_use(use, decision_on("a1", "dry_run"))
    return use.start


@pytest.mark.parametrize("viewport", [DESK, NARROW], ids=["desk", "phone"])
@pytest.mark.parametrize(("source", "words"), [("simulated", "Simulation"), ("test", "Test")])
async def test_a_ribbon_that_stays_says_that_nothing_comes_from_space(
    browser: Browser, forgiven: list[str], viewport: ViewportSize, source: Source, words: str
) -> None:
    forgiven.append("503 (Service Unavailable)")
    async with viewed(source) as views, opened(browser, views.url, forgiven) as look:
        await look.set_viewport_size(viewport)
        for address in ("/", f"/items/{SIGNAL_ITEM}"):
            await look.goto(address)
            ribbon = look.locator("#ribbon")
            await expect(ribbon).to_have_text(f"{words}: nothing here comes from space")
            await look.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            box = await ribbon.bounding_box()
            assert box
            assert (round(box["y"]), box["height"] >= 30) == (0, True)
            assert await ribbon.evaluate("one => one.scrollWidth <= one.clientWidth")
            assert await grave_findings(look) == []


async def test_the_real_station_has_no_ribbon(look: Page) -> None:
    await look.goto("/")
    await expect(look.locator("#signal")).to_have_attribute("data-state", "AOS")

    await expect(look.locator("#ribbon")).to_be_hidden()


async def test_the_page_speaks_plainly(look: Page, views: Views) -> None:
    used(views)
    views.show(TANK_ITEM, "37")
    await look.goto("/")

    await expect(look.locator("#signal strong")).to_have_text("In contact")
    await expect(look.locator("#tank-state")).to_have_text("trend not known")
    await expect(look.locator("#uses .decision summary")).to_have_text("not posted")
    await expect(look.locator("#uses .about")).to_have_text("almost certain")
    await look.goto(f"/items/{TANK_ITEM}")
    await expect(look.locator(".now dt")).to_have_text(["Measured", "Received", "Status", "Source", "As sent"])


async def test_why_a_use_was_not_posted_is_told_by_keyboard_and_by_touch(look: Page, views: Views) -> None:
    used(views)
    await look.goto("/")
    why = look.get_by_text("No account or webhook is set up")
    word = look.locator("#uses .decision summary")
    await expect(why).to_be_hidden()

    await word.focus()
    await look.keyboard.press("Enter")
    await expect(why).to_be_visible()
    await word.click()
    await expect(why).to_be_hidden()
    assert await look.locator("#uses [title], dl [title]").count() == 0, "a title is for mice only"


async def test_the_time_of_a_use_is_its_begin_everywhere(look: Page, views: Views) -> None:
    views.show(TANK_ITEM, "37")
    begin = f"{used(views):%H:%M}"
    await look.goto("/")

    await expect(look.locator("#uses time")).to_have_text(re.compile(f"{begin}$"))
    await expect(look.locator("#last-use")).to_have_text(re.compile(f"^61 min ago, .*{begin}$"))


async def test_one_tap_shows_every_time_in_the_time_zone_of_the_reader(
    browser: Browser, views: Views, forgiven: list[str]
) -> None:
    forgiven.append("503 (Service Unavailable)")
    begin = used(views)
    views.show(TANK_ITEM, "37")
    async with opened(browser, views.url, forgiven, timezone_id="Europe/Rome") as look:
        await look.goto("/")
        time = look.locator("#uses time")
        await expect(time).to_have_text(re.compile(f"{begin:%H:%M}$"))

        await look.get_by_role("button", name="Show your time").click()
        await expect(time).to_have_text(re.compile(f"{begin.astimezone(ROME):%H:%M}$"))

        await look.goto(f"/items/{TANK_ITEM}?from=2026-06-01T10:00:00Z&to=2026-06-01T11:00:00Z")
        await expect(look.locator("#received")).to_have_text(re.compile("your time$"))
        await expect(look.locator("#span [name=from]")).to_have_value("2026-06-01T12:00")
        await look.get_by_text("From … to …").click()
        await look.get_by_role("button", name="Show", exact=True).click()
        await expect(look).to_have_url(re.compile("from=2026-06-01T10%3A00%3A00"))

        await look.get_by_role("button", name="Show UTC").click()
        await expect(look.locator("#received")).to_have_text(re.compile("UTC$"))


@pytest.mark.parametrize("viewport", [DESK, NARROW], ids=["desk", "phone"])
async def test_the_reference_of_the_api_folds_its_documents_and_breaks_no_name(
    look: Page, viewport: ViewportSize
) -> None:
    await look.set_viewport_size(viewport)
    await look.goto("/api")

    names = look.locator("th[scope=row] code, caption")
    lines = await names.evaluate_all("all => all.map(one => one.getBoundingClientRect().height / 24)")
    assert max(lines) < 2
    assert await look.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    item = look.locator("#schema-ItemDocument")
    await expect(item.locator("table")).to_be_hidden()
    await item.locator("summary").click()
    await expect(item.locator("table")).to_be_visible()
    assert await grave_findings(look) == []


@pytest.mark.parametrize("address", ["/bogus", "/items/NODE9"])
async def test_a_page_that_does_not_exist_leads_back(look: Page, forgiven: list[str], address: str) -> None:
    forgiven.append("404 (Not Found)")
    await look.goto(address)
    assert await grave_findings(look) == []

    await look.get_by_role("link", name="ISS telemetry").click()

    await expect(look.locator("#signal")).to_have_attribute("data-state", "AOS")
