"""Search, filters and groups of the items, by mouse, finger and keyboard."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, ViewportSize, expect

from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import SIGNAL_ITEM, TANK_ITEM
from tests.browser.accessibility import grave_findings
from tests.browser.conftest import DESK, PHONE
from tests.browser.views import Views

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ITEMS = len(catalog.items())
GROUPS = 11
NARROW: ViewportSize = {"width": 360, "height": 740}
LEAST_TARGET = 24
"""Pixels of a target for a finger, by WCAG 2.5.8."""

VALVE, HEATER = "NODE3000006", "NODE3000007"
"""Two items with states; the first group has them."""


async def ready(look: Page, address: str = "/") -> None:
    """Open the page, and wait until every item is on it."""
    await look.goto(address)
    await expect(look.locator(".row")).to_have_count(ITEMS)
    await expect(look.locator("#found")).to_have_text(re.compile(f"^[0-9]+ of {ITEMS} items$"))


async def is_in_sight(look: Page, selector: str) -> bool:
    """Whether all of an element is within the window, and nothing lies on it."""
    return bool(
        await look.locator(selector).evaluate("""one => {
          const { left, top, right, bottom } = one.getBoundingClientRect();
          const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          return top >= 0 && bottom <= innerHeight && (one.contains(above) || above.contains(one));
        }""")
    )


@pytest.mark.parametrize("viewport", [DESK, NARROW], ids=["desk", "phone"])
async def test_that_nothing_matches_is_said_where_one_looks(look: Page, viewport: ViewportSize) -> None:
    await look.set_viewport_size(viewport)
    await ready(look)
    await look.get_by_role("searchbox").fill("velociraptor")

    await expect(look.locator("#none-found")).to_be_visible()
    search = await look.get_by_role("searchbox").bounding_box()
    words = await look.locator("#none-found").bounding_box()
    assert search
    assert words
    assert words["y"] - search["y"] < 120
    assert await is_in_sight(look, "#none-found")

    await look.get_by_role("button", name="Show all items").click()
    await expect(look.locator("#found")).to_have_text(f"{ITEMS} of {ITEMS} items")
    await expect(look.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("viewport", [DESK, NARROW], ids=["desk", "phone"])
async def test_the_search_stays_in_sight(look: Page, viewport: ViewportSize) -> None:
    await look.set_viewport_size(viewport)
    await ready(look)
    await look.get_by_role("button", name="Unfold all").click()

    await look.locator(".row").nth(ITEMS - 5).scroll_into_view_if_needed()
    assert await is_in_sight(look, "#search")

    await look.get_by_role("searchbox").fill("urine tank")
    await expect(look.locator(".row:visible")).to_have_count(1)
    assert await is_in_sight(look, ".row:visible a")


async def test_groups_fold_and_stay_as_they_were_left(look: Page) -> None:
    await ready(look)
    await expect(look.locator("details.group")).to_have_count(GROUPS)
    await expect(look.locator("details.group[open]")).to_have_count(1)
    assert await look.evaluate("document.documentElement.scrollHeight") < 4000

    await look.get_by_text("Robotic arms").last.click()
    await expect(look.locator("details.group[open]")).to_have_count(2)
    await look.locator(".row:visible a").first.click()
    await look.go_back()

    await expect(look.locator("details.group[open] h3")).to_have_text(
        ["Air, water and heat ETHOS", "Robotic arms CSA"]
    )
    await look.get_by_role("searchbox").fill("gyroscope")
    await expect(look.locator("details.group:visible h3")).to_have_text(["Attitude and motion ADCO"])
    await expect(look.locator(".row:visible").first).to_be_visible()
    await look.get_by_role("searchbox").fill("")
    await expect(look.locator("details.group[open]")).to_have_count(2)


async def test_every_filter_is_in_the_address_and_counts_follow_what_is_asked(look: Page, views: Views) -> None:
    ago = datetime.now(UTC) - timedelta(hours=2)
    views.show(TANK_ITEM, "37")
    views.show(VALVE, "1", ago, status_class="6")
    views.show(HEATER, "1", ago - timedelta(days=2))
    await ready(look)

    await look.get_by_role("radio", name="Just changed").check(force=True)
    await expect(look.locator(".row:visible")).to_have_count(2)
    await look.get_by_role("radio", name="Air, water and heat").check(force=True)
    await expect(look.locator(".row:visible a")).to_have_text(["Urine Tank Qty"])
    await expect(look).to_have_url(re.compile(r"\?show=changed&discipline=ETHOS$"))

    await look.reload()
    await expect(look.locator(".row:visible a")).to_have_text(["Urine Tank Qty"])
    await expect(look.get_by_role("radio", name="Just changed")).to_be_checked()
    await expect(look.get_by_role("radio", name="Not normal")).to_have_accessible_name("Not normal 1")

    await look.get_by_role("searchbox").fill("velociraptor")
    await expect(look.get_by_role("radio", name="Not normal")).to_have_accessible_name("Not normal 0")

    await look.goto("/?show=nonsense&discipline=ETHOS")
    await expect(look.get_by_role("radio", name="Air, water and heat")).to_be_checked()
    await expect(look.locator("details.group:visible")).to_have_count(1)


async def test_an_address_of_what_is_not_normal_shows_it(look: Page, views: Views) -> None:
    views.show(VALVE, "1", status_class="6")
    views.show(HEATER, "1")

    await look.goto("/?show=abnormal")

    await expect(look.locator(".row:visible")).to_have_attribute("data-item", VALVE)


async def test_a_few_tabs_walk_past_the_items_and_arrows_walk_through_them(look: Page) -> None:
    await ready(look)
    await look.get_by_role("button", name="Unfold all").click()
    await look.get_by_role("searchbox").focus()
    stops = 0
    while not await look.evaluate("document.activeElement.closest('footer')"):
        await look.keyboard.press("Tab")
        stops += 1
    assert stops <= 2 * GROUPS + 5

    first = look.locator(".row a").first
    await look.get_by_role("searchbox").focus()
    while not await first.evaluate("one => one === document.activeElement"):
        await look.keyboard.press("Tab")
    for _ in range(3):
        await look.keyboard.press("ArrowDown")
    await expect(look.locator(".row a").nth(3)).to_be_focused()
    await look.keyboard.press("End")
    await expect(look.locator(".row a").last).to_be_focused()
    assert await is_in_sight(look, ":focus")
    await look.keyboard.press("ArrowUp")
    await expect(look.locator(".row a").nth(ITEMS - 2)).to_be_focused()
    await look.keyboard.press("Enter")
    await expect(look).to_have_url(re.compile("/items/"))


async def test_what_has_failed_and_what_is_off_is_seen_without_colours(look: Page, views: Views) -> None:
    views.show("NODE3000004", "4")
    views.show(TANK_ITEM, "37", status_class="6")
    await ready(look)

    marks = {
        item: await look.locator(f"[data-item={item}] .value").evaluate(
            "one => [one.dataset.severity, getComputedStyle(one, '::before').content]"
        )
        for item in ("NODE3000004", TANK_ITEM, SIGNAL_ITEM)
    }

    assert marks["NODE3000004"][0] == "inactive"
    assert marks[TANK_ITEM][0] == "caution"
    assert marks[SIGNAL_ITEM] == ["", "none"]
    assert len({content for _, content in marks.values()}) == 3


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_all_of_a_row_is_a_target_that_a_finger_hits(look: Page, viewport: ViewportSize) -> None:
    await look.set_viewport_size(viewport)
    await ready(look)
    row = look.locator(".row:visible").first
    box = await row.bounding_box()
    assert box
    assert box["height"] >= LEAST_TARGET

    await row.click(position={"x": box["width"] - 8, "y": box["height"] - 8})

    await expect(look).to_have_url(re.compile("/items/"))


async def test_a_picture_of_the_whole_page_has_every_row(look: Page) -> None:
    await ready(look)
    await look.get_by_role("button", name="Unfold all").click()

    drawn = await look.locator(".row").evaluate_all(
        "all => all.filter(one => one.checkVisibility({ contentVisibilityAuto: true }) && one.innerText).length"
    )

    assert drawn == ITEMS


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_nothing_grave_keeps_anyone_out_of_the_items(look: Page, views: Views, colours: str) -> None:
    views.show(VALVE, "1", status_class="6")
    views.show("NODE3000004", "4")
    await look.emulate_media(color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce")
    await look.set_viewport_size(NARROW)
    await ready(look)
    await look.get_by_role("button", name="Unfold all").click()

    assert await grave_findings(look) == []
    assert await look.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
