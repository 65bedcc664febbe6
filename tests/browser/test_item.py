"""The page of one item, in a real browser."""

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, Page, ViewportSize, expect

from iss_agents.telemetry.catalog import PROCESSOR_ITEM, TANK_ITEM
from iss_agents.telemetry.station_clock import rfc3339
from tests.browser.accessibility import grave_findings
from tests.browser.conftest import DESK, PHONE
from tests.browser.past import CABIN, LEVEL_AFTER, USES, lost_signal
from tests.browser.stage import Stage
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

COOLANT = "S1000003"
"""An item that no other test publishes."""


def picture(page: Page) -> Locator:
    """Return the plot, which its label describes."""
    return page.get_by_role("img", name=re.compile(" UTC to .* UTC: "))


def table_rows(page: Page) -> Locator:
    """Return the rows of the readings."""
    return page.locator("#readings tr")


async def test_an_item_shows_what_it_is_and_its_history(page: Page, stage: Stage) -> None:
    begin, end = rfc3339(stage.began - timedelta(hours=6)), rfc3339(stage.began)
    await page.goto(f"/items/{TANK_ITEM}?from={begin}&to={end}")

    await expect(page).to_have_title("Urine tank level · ISS telemetry")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Urine Tank Qty")
    await expect(page.locator("#identifier")).to_have_text(TANK_ITEM)
    await expect(page.locator("#about")).to_contain_text("it rises when the toilet is used.")
    await expect(page.locator("#status-class")).to_have_text("good (24)")
    label = re.compile(rf"20 to 32 %, last 32 %; \d spans? without readings; {USES} uses")
    await expect(picture(page)).to_have_attribute("aria-label", label)
    await expect(page.locator("#gaps li", has_text="signal lost")).to_contain_text("12 min")
    await expect(table_rows(page).first).to_contain_text(LEVEL_AFTER)


async def test_a_state_is_shown_by_its_name_and_held_until_the_next(page: Page, stage: Stage) -> None:
    begin, end = stage.began - timedelta(minutes=60), stage.began - timedelta(minutes=20)
    await page.goto(f"/items/{PROCESSOR_ITEM}?from={rfc3339(begin)}&to={rfc3339(end)}")

    await expect(picture(page)).to_have_attribute("aria-label", re.compile("2 states, last NORMAL"))
    await page.locator(".u-over").hover()
    await expect(page.locator(".readout")).to_have_text(re.compile(r"UTC\s+NORMAL"))
    await expect(table_rows(page)).to_have_text([re.compile("NORMAL 16.00")])
    stage.publish(PROCESSOR_ITEM, "64.00")
    await expect(page.locator("#value")).to_have_text("IDLE")


async def test_a_text_has_no_plot_and_is_in_the_table(page: Page, stage: Stage) -> None:
    stage.publish(COOLANT, "NOT A NUMBER")
    await until(partial(_archived, stage, COOLANT))

    await page.goto(f"/items/{COOLANT}")

    await expect(page.locator("#words")).to_be_visible()
    await expect(page.locator("#plot")).to_be_hidden()
    await expect(table_rows(page).first).to_contain_text("NOT A NUMBER")


async def test_a_range_is_in_the_address_and_the_back_button_returns_to_the_one_before(page: Page) -> None:
    await page.goto(f"/items/{CABIN}")
    current = page.locator("#ranges [aria-current]")
    await expect(current).to_have_text("6 h")
    await expect(page.locator("#page-of")).to_contain_text("page 1 of")
    six_hours = await page.locator("#page-of").text_content()

    await page.get_by_role("link", name="24 h").click()

    await expect(page).to_have_url(re.compile(r"\?from=-24h$"))
    await expect(current).to_have_text("24 h")
    await expect(page.locator("#page-of")).not_to_have_text(six_hours or "")

    await page.go_back()

    await expect(page).to_have_url(re.compile(rf"/items/{CABIN}$"))
    await expect(current).to_have_text("6 h")


async def test_dragging_across_the_plot_looks_closer(page: Page) -> None:
    await page.goto(f"/items/{CABIN}?from=-1h")
    await expect(picture(page)).to_be_visible()
    box = await page.locator(".u-over").bounding_box()
    assert box

    await page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60, steps=5)
    await page.mouse.up()

    await expect(page).to_have_url(re.compile(r"from=.*&to="))
    begin, end = (datetime.fromisoformat(time) for time in _span(page.url))
    assert (end - begin).total_seconds() == pytest.approx(900, abs=30)
    await expect(page.locator("#page-of")).to_have_text(re.compile("^(8|9)[0-9] in the range, newest first$"))
    await page.go_back()
    await expect(page).to_have_url(re.compile(r"\?from=-1h$"))


async def test_a_range_of_its_own_may_be_typed(page: Page, stage: Stage) -> None:
    start, end = lost_signal(stage.began)
    await page.goto(f"/items/{CABIN}")
    await page.get_by_text("From … to …").click()
    await page.get_by_label("From (UTC)").fill(_typed(start - timedelta(minutes=10)))
    await page.get_by_label("To (UTC)").fill(_typed(end + timedelta(minutes=10)))
    await page.get_by_role("button", name="Show", exact=True).click()

    await expect(page.locator("#page-of")).to_have_text("4 in the range, newest first")
    await page.locator(".u-over").hover()
    await expect(page.locator(".readout")).to_contain_text("no readings: signal lost")


async def test_a_wrong_time_in_the_address_is_named(page: Page, forgiven: list[str]) -> None:
    forgiven.append("400 (Bad Request)")
    await page.goto(f"/items/{CABIN}?from=yesterday")

    await expect(page.locator("#away")).to_contain_text("from is 'yesterday'; expected")


async def test_the_pages_of_the_table_hold_every_reading_once_newest_first(page: Page, stage: Stage) -> None:
    span = f"from={rfc3339(stage.began - timedelta(hours=3))}&to={rfc3339(stage.began)}"
    known = (await stage.worker.get(f"/api/v1/telemetry?item={CABIN}&{span}&limit=10000"))["readings"]
    await page.goto(f"/items/{CABIN}?{span}")
    label, older = page.locator("#page-of"), page.locator("#older")
    times: list[str | None] = []

    for number in range(1, 5):
        await expect(label).to_have_text(f"{len(known)} in the range, newest first, page {number} of 4")
        times += await page.locator("#readings time").evaluate_all("all => all.map(one => one.dateTime)")
        if number < 4:
            await older.click()

    await expect(older).to_be_disabled()
    assert times == [reading["source_ts"] for reading in reversed(known)]
    await page.locator("#newer").click()
    await expect(label).to_contain_text("page 3 of 4")


async def test_the_range_can_be_downloaded(page: Page, stage: Stage) -> None:
    span = f"from={rfc3339(stage.began - timedelta(hours=1))}&to={rfc3339(stage.began)}"
    await page.goto(f"/items/{CABIN}?{span}")
    await expect(page.locator("#downloads")).to_contain_text("=1+1 begins with '")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="CSV").click()
    download = await downloading.value
    async with stage.worker.http.get(f"/api/v1/telemetry?item={CABIN}&{span}&format=csv") as answer:
        expected = await answer.text()

    assert (await download.path()).read_bytes().decode() == expected
    assert len(expected.splitlines()) > 300


async def test_a_change_shows_at_once_in_value_plot_and_table(page: Page, stage: Stage) -> None:
    await page.goto(f"/items/{CABIN}")
    await expect(page.locator("#page-of")).to_contain_text("newest first")

    stage.publish(CABIN, "712.5")

    await expect(page.locator("#value")).to_have_text("712.5mmHg")
    await expect(page.locator("#measured")).to_have_text(re.compile("^[0-2] s ago, .* UTC$"))
    await expect(picture(page)).to_have_attribute("aria-label", re.compile(r"last 712\.5 mmHg"))
    await expect(table_rows(page).first).to_contain_text("712.5")
    await expect(page.locator("#source")).to_have_text("a simulated station")


async def test_a_lost_signal_is_said(page: Page, stage: Stage) -> None:
    await page.goto(f"/items/{CABIN}")
    await expect(page.locator("#signal strong")).to_have_text("In contact")

    async with stage.without_signal():
        await expect(page.locator("#signal strong")).to_have_text("No contact")

    await expect(page.locator("#signal strong")).to_have_text("In contact")


async def test_without_the_database_it_says_so_goes_on_live_and_tries_again_by_itself(
    page: Page, stage: Stage, forgiven: list[str]
) -> None:
    forgiven.append("503 (Service Unavailable)")
    async with stage.without_database():
        await page.goto(f"/items/{CABIN}")
        await expect(page.locator("#away")).to_contain_text("Trying again in")
        stage.publish(CABIN, "713.25")
        await expect(page.locator("#value")).to_have_text("713.25mmHg")

    await expect(page.locator("#away")).to_be_hidden(timeout=20_000)
    await expect(picture(page)).to_be_visible()


async def test_an_unknown_item_is_not_found(page: Page, forgiven: list[str]) -> None:
    forgiven.append("404 (Not Found)")

    answer = await page.goto("/items/NODE9")

    assert answer
    assert answer.status == 404
    await expect(page.locator("h1")).to_have_text("This page does not exist")
    await expect(page.locator("main")).to_contain_text("There is no item NODE9")
    await expect(page.get_by_role("link", name="Look for NODE9 among all items")).to_be_visible()
    await page.get_by_role("link", name="To the station").click()
    await expect(page).to_have_title(re.compile("ISS telemetry"))
    await expect(page.locator("h1")).to_have_text("ISS telemetry")


async def test_the_plot_follows_its_container_and_its_colours(page: Page) -> None:
    await page.goto(f"/items/{TANK_ITEM}")
    canvas = page.locator("#plot canvas")
    await expect(canvas).to_have_attribute("width", re.compile("^1[0-9]{3}$"))
    light = await canvas.evaluate("one => one.toDataURL()")

    await page.emulate_media(color_scheme="dark")
    await page.wait_for_function("light => document.querySelector('canvas').toDataURL() !== light", arg=light)
    await page.set_viewport_size(PHONE)
    await expect(canvas).to_have_attribute("width", re.compile("^3[0-9]{2}$"))


@pytest.mark.parametrize("item", [CABIN, TANK_ITEM, PROCESSOR_ITEM])
async def test_a_phone_needs_no_sideways_scrolling(page: Page, item: str) -> None:
    await page.set_viewport_size(PHONE)
    await page.goto(f"/items/{item}")
    await expect(picture(page)).to_be_visible()

    assert await page.evaluate("document.scrollingElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)], ids=["desk", "phone"])
async def test_nothing_grave_stands_in_anybodys_way(
    page: Page, scheme: Literal["light", "dark"], viewport: ViewportSize
) -> None:
    await page.set_viewport_size(viewport)
    await page.emulate_media(color_scheme=scheme)
    await page.goto(f"/items/{TANK_ITEM}")
    await expect(picture(page)).to_be_visible()
    await expect(table_rows(page).first).to_be_visible()

    assert await grave_findings(page) == []


async def _archived(stage: Stage, item: str) -> bool:
    summary = await stage.worker.get(f"/api/v1/telemetry/summary?item={item}")
    return bool(summary["count"])


def _span(address: str) -> list[str]:
    query = parse_qs(urlsplit(address).query)
    return [query["from"][0], query["to"][0]]


def _typed(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")
