"""Values that no sensor sends: numbers beyond all measure, endless texts, characters that are not seen."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize, expect

from iss_agents.cli.formatting import unit_text
from tests.browser.conftest import DESK, PHONE
from tests.browser.stage import Stage
from tests.browser.test_series import BLANK
from tests.browser.views import Views
from tests.formatted import NUMBERS, UNITS

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ITEM = "S1000002"
"""An item that no other test publishes."""

TURNED = "12\u202e34\u0007"
TURNED_SHOWN = "12\\u202e34\\x07"

LABELS = """async ([numbers, unit]) => {
    const labels = [];
    const written = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
      labels.push(text);
      return written.call(this, text, ...rest);
    };
    const { plot } = await import("/static/plot.js");
    const bucket = (number, place) => ({
      start: `1970-01-01T00:0${place}:00Z`, count: 1, last: String(number),
      min: number, max: number, mean: number,
    });
    const buckets = numbers.map(bucket);
    const host = document.body.appendChild(document.createElement("div"));
    const drawing = plot(host, { label: "ITEM" });
    const span = { from: "1970-01-01T00:00:00Z", to: "1970-01-01T00:10:00Z" };
    await drawing.setData({ ...span, bucket_seconds: 60, states: {}, unit, buckets });
    await new Promise(requestAnimationFrame);
    const readout = host.querySelector(".readout").textContent;
    drawing.destroy();
    return [labels.filter((label) => !label.includes(":") && !label.includes("Jan")), readout];
}"""


def begins_as(value: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(value[:2])}")


async def called(page: Page, module: str, call: str, given: Any) -> Any:
    """Return what a function of the page's own module makes of `given`."""
    await page.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await page.goto("/blank")
    script = f"async (given) => (await import('/static/{module}')).{call}(given)"
    return await page.evaluate(script, given)


@pytest.mark.parametrize(
    ("value", "number", "shown"),
    [
        *NUMBERS,
        ("1e999", None, "1e999"),
        (TURNED, None, TURNED_SHOWN),
        ("\x00\x1b[31m\x9b\u2028\u200f", None, "\\x00\\x1b[31m\\x9b\\u2028\\u200f"),
        ("grün 🚀", None, "grün 🚀"),
    ],
)
async def test_a_value_is_short_and_all_of_it_is_seen(
    look: Page, value: str, number: float | None, shown: str
) -> None:
    given = {"value": value, "number": number, "state": None}

    assert await called(look, "format.js", "valueText", given) == shown


async def test_units_are_written_as_on_the_command_line(look: Page) -> None:
    await called(look, "format.js", "unitText", "")
    script = "async (units) => units.map((await import('/static/format.js')).unitText)"

    assert await look.evaluate(script, UNITS) == [unit_text(unit) for unit in UNITS]


@pytest.mark.parametrize(
    "numbers",
    [
        [1e255, 2e255],
        [-1.7e308, 1.7e308],
        [1.7976931348623157e308],
        [1e-255, 3e-255],
        [5e-324],
        [0, 1e40],
        [1e255, 1.0000000000000002e255],
        [1, 2],
    ],
)
async def test_a_plot_of_any_numbers_has_an_axis_with_short_labels(look: Page, numbers: list[float]) -> None:
    await look.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await look.goto("/blank")

    labels, readout = await look.evaluate(LABELS, [numbers, ""])

    assert len(set(labels)) > 1
    assert max(map(len, labels)) <= 12
    assert len(readout) <= 60


@pytest.mark.parametrize(
    ("unit", "numbers", "ends"),
    [
        ("%", [27, 32], (0, 100)),
        ("PCT", [0, 1], (0, 100)),
        ("%", [27, 132], (20, 140)),
        ("V", [27, 32], (27, 32)),
    ],
)
async def test_what_can_be_full_is_drawn_from_empty_to_full(
    look: Page, unit: str, numbers: list[float], ends: tuple[float, float]
) -> None:
    await look.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await look.goto("/blank")

    labels, _ = await look.evaluate(LABELS, [numbers, unit])

    places = [float(label) for label in labels]
    assert (min(places), max(places)) == ends


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("value", ["x" * 256, "word " * 200, "9" * 255, TURNED * 100])
async def test_no_value_breaks_the_layout(look: Page, views: Views, viewport: ViewportSize, value: str) -> None:
    await look.set_viewport_size(viewport)
    views.show(ITEM, value)
    await look.goto(f"/?text={ITEM}")
    row = look.locator(".row:visible")
    await expect(row.locator(".value")).to_have_attribute("title", begins_as(value))

    assert await look.evaluate("document.scrollingElement.scrollWidth") == viewport["width"]
    assert await row.evaluate("one => one.clientHeight") <= 130

    await look.goto(f"/items/{ITEM}")
    await expect(look.locator("#sent")).to_have_text(begins_as(value))
    name = await look.locator("#name").bounding_box()
    assert name
    assert name["width"] >= 150
    assert await look.evaluate("document.scrollingElement.scrollWidth") == viewport["width"]


async def test_what_turns_a_text_round_does_not_turn_what_stands_beside_it(page: Page, stage: Stage) -> None:
    stage.publish(ITEM, TURNED)

    await page.goto(f"/?text={ITEM}")
    value = page.locator(".row:visible .value")
    await expect(value.locator("span")).to_have_text(TURNED_SHOWN)
    assert await value.evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"

    await page.goto(f"/items/{ITEM}")
    await expect(page.locator("#value")).to_contain_text(TURNED_SHOWN)
    await expect(page.locator("#readings .value").first).to_contain_text(TURNED_SHOWN)
