"""Search of the page, in the words of a layman."""

from typing import cast

import pytest
from playwright.async_api import Page, expect

from iss_agents.telemetry import catalog
from iss_agents.telemetry.item_search import known_by
from tests.browser.views import Views
from tests.telemetry.words import FIRST_FOUND

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ITEMS = len(catalog.items())


async def searched(look: Page, words: str = "") -> None:
    """Open the page with a search, and wait until it knows the synonyms."""
    async with look.expect_response("**/api/v1/items"):
        await look.goto(f"/?text={words or 'pee'}")
    await expect(look.locator(".row")).to_have_count(ITEMS)
    title = "Urine tank level: Urine Tank Qty (NODE3000005, ETHOS)"
    await expect(look.locator("[data-item=NODE3000005] a")).to_have_attribute("title", title)


async def shown(look: Page) -> list[str]:
    """Return the items that are shown, as they stand below each other."""
    found = await look.locator(".row:visible").evaluate_all("rows => rows.map(row => row.dataset.item)")
    return cast("list[str]", found)


async def test_a_layman_finds_what_the_word_means_first_and_all_that_the_api_finds(look: Page) -> None:
    await searched(look)
    for word, expected in FIRST_FOUND.items():
        await look.get_by_role("searchbox").fill(word)
        found = await shown(look)

        assert (word, tuple(found[: len(expected)])) == (word, expected)
        assert (word, sorted(found)) == (word, sorted(item.item_id for item in known_by(word)))


async def test_without_a_search_the_items_stand_as_in_the_catalogue_again(look: Page) -> None:
    await searched(look, "x velocity")
    before = await look.locator(".row").evaluate_all("rows => rows.map(row => row.dataset.item)")
    await look.get_by_role("searchbox").fill("")
    await look.get_by_role("button", name="Unfold all").click()

    found = await shown(look)
    assert len(found) == ITEMS
    assert found != before
    catalogue = list(catalog.items())
    robots = [item for item in found if item.startswith("CSA")]
    assert robots == [item for item in catalogue if item.startswith("CSA")]


async def test_the_first_look_needs_no_synonyms_and_the_second_search_no_second_answer(look: Page) -> None:
    asked: list[str] = []
    look.on(
        "request", lambda request: asked.append(request.url) if request.url.endswith("/api/v1/items") else None
    )
    await look.goto("/")
    await expect(look.locator(".row")).to_have_count(ITEMS)
    assert asked == []

    for word in ("toilet", "velocity"):
        await look.get_by_role("searchbox").fill(word)
        first = look.locator(".row:visible").first
        await expect(first).to_have_attribute("data-item", FIRST_FOUND[word][0])
    assert len(asked) == 1


async def test_official_names_are_found_while_the_worker_does_not_tell_synonyms(
    look: Page, forgiven: list[str]
) -> None:
    forgiven.append("Failed to load resource")
    await look.route("**/api/v1/items", lambda route: route.abort())
    await look.goto("/?text=urine+tank")
    await expect(look.locator(".row:visible")).to_have_count(1)

    await look.unroute("**/api/v1/items")
    await look.get_by_role("searchbox").fill("loo")
    await expect(look.locator(".row:visible").first).to_have_attribute("data-item", "NODE3000005")


async def test_the_state_of_an_item_finds_it(look: Page, views: Views) -> None:
    views.show("NODE3000006", "6")
    await searched(look, "flush")

    await expect(look.locator(".row:visible")).to_have_count(1)
    assert await shown(look) == ["NODE3000006"]
