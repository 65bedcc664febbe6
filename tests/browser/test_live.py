"""The page of everything while the station, the worker and the connection change. It runs last: traces stay."""

import re

import pytest
from playwright.async_api import Page, expect

from iss_agents.telemetry.catalog import TANK_ITEM
from tests.browser.past import CABIN, LEVEL_AFTER
from tests.browser.stage import Stage

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

TEXT_ITEM = "USLAB000101"
HOSTILE = '<img src="x" onerror="document.title = 1">'


async def test_a_value_changes_before_ones_eyes(page: Page, stage: Stage) -> None:
    await page.goto(f"/?text={CABIN}")
    value = page.locator(".row:visible .value")
    await expect(value).to_contain_text("mmHg")

    stage.publish(CABIN, "701.25")
    await expect(value).to_have_text("701.25mmHg")
    stage.publish(CABIN, "702.123456789")
    await expect(value).to_have_text("702.123mmHg")

    await expect(page.locator(".row:visible")).to_have_attribute("data-change", re.compile("[ab]"))
    await expect(value).to_have_attribute(
        "title", re.compile(r"^702\.123456789 mmHg, measured .* UTC, source ")
    )
    await expect(page.locator(".row:visible polyline")).to_have_attribute("points", re.compile(r"\d"))


async def test_a_level_moves_the_gauge_and_the_plot(page: Page, stage: Stage) -> None:
    await page.goto("/")
    plot = page.locator("#tank-plot [role=img]")
    await expect(plot).to_have_attribute("aria-label", re.compile(f"last {LEVEL_AFTER} %"))

    stage.publish(TANK_ITEM, "33")

    await expect(page.locator("#level")).to_have_text("33%")
    await expect(page.locator("#tank-age")).to_have_text(re.compile(r"^\d s ago, \d\d:\d\d$"))
    await expect(plot).to_have_attribute("aria-label", re.compile("last 33 %"))


async def test_a_value_is_text_whatever_it_says(page: Page, stage: Stage) -> None:
    await page.goto(f"/?text={TEXT_ITEM}")
    stage.publish(TEXT_ITEM, HOSTILE)

    await expect(page.locator(".row:visible .value span")).to_have_text(HOSTILE)
    await expect(page).to_have_title("ISS telemetry")


async def test_a_lost_signal_is_said_and_what_is_shown_looks_stale(page: Page, stage: Stage) -> None:
    await page.goto(f"/?text={CABIN}")
    await expect(page.locator("#silent")).to_be_hidden()

    async with stage.without_signal():
        await expect(page.locator("#signal")).to_have_text("No contact signal lost (LOS)")
        await expect(page.locator("#silent")).to_contain_text("no radio contact")
        await expect(page.locator(".row:visible .age")).to_have_text(re.compile("^not seen "))

    await expect(page.locator("#signal")).to_have_text("In contact signal acquired (AOS)")
    await expect(page.locator("#silent")).to_be_hidden()
    await expect(page.locator(".row:visible .age")).not_to_have_text(re.compile("^not seen "))


async def test_a_worker_that_was_away_is_found_again(page: Page, stage: Stage, forgiven: list[str]) -> None:
    forgiven += ["net::ERR_", "503"]
    await page.goto(f"/?text={CABIN}")
    await expect(page.locator("#signal")).to_contain_text("AOS")

    async with stage.without_worker():
        await expect(page.locator("#connection")).to_contain_text("no connection to the worker")
        await expect(page.locator("#signal")).to_have_text("Unknown no connection")
        await expect(page.locator(".row:visible .age")).to_have_text(re.compile("^not seen "))
        await expect(page.locator("body")).to_have_attribute("data-lost", "")

    await expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
    await expect(page.locator("#signal")).to_have_text("In contact signal acquired (AOS)", timeout=20_000)
    stage.publish(CABIN, "703.5")
    await expect(page.locator(".row:visible .value")).to_have_text("703.5mmHg", timeout=20_000)
