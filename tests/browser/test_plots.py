"""Plots of an item that is known since a few minutes only."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.station_clock import rfc3339
from tests.browser.views import Views

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

BUCKETS = 60
YOUNG = 3
"""How many of the buckets have a reading."""


def history(now: datetime) -> dict[str, Any]:
    """Return six hours of the tank, of which only the last minutes are known."""
    width = timedelta(hours=6) / BUCKETS
    unknown = {"count": 0, "min": None, "max": None, "mean": None, "last": None}
    known = {"count": 1, "min": 37, "max": 37, "mean": 37, "last": "37"}
    starts = [now - width * number for number in range(BUCKETS, 0, -1)]
    buckets = [
        {"start": rfc3339(start), **(known if number >= BUCKETS - YOUNG else unknown)}
        for number, start in enumerate(starts)
    ]
    bounds = {"from": rfc3339(starts[0]), "to": rfc3339(now), "bucket_seconds": width.total_seconds()}
    named = {"item_id": TANK_ITEM, "name": "Urine Tank Qty", "unit": "%", "states": {}}
    return {**bounds, **named, "count": YOUNG, "before": None, "buckets": buckets}


async def test_a_plot_of_little_data_begins_at_the_first_reading(look: Page, views: Views) -> None:
    now = datetime.now(UTC)
    summary = history(now)
    first = datetime.fromisoformat(summary["buckets"][-YOUNG]["start"])
    views.show(TANK_ITEM, "37")

    async def answer(route: Route) -> None:
        path = route.request.url.partition("?")[0].rpartition("/")[2]
        nothing: dict[str, Any] = {"gaps": [], "events": [], "readings": [], "next_cursor": None}
        await route.fulfill(json=summary if path == "summary" else nothing)

    for archived in ("telemetry", "telemetry/summary", "gaps", "events"):
        await look.route(re.compile(f"/api/v1/{archived}\\?"), answer)

    await look.goto("/")
    # The day is told where it is not today's.
    since = re.compile(rf"^Since the first reading, (\d+ \w+, )?{first:%H:%M}$")
    await expect(look.locator("#tank-span")).to_have_text(since)
    label = re.compile(f"^Urine tank, .* {first:%H:%M:%S} UTC to .*: 37 % throughout$")
    await expect(look.get_by_role("img", name=label)).to_be_visible()

    await look.goto(f"/items/{TANK_ITEM}")
    label = re.compile(f"^{TANK_ITEM}, .* {first:%H:%M:%S} UTC to .*: 37 % throughout$")
    await expect(look.get_by_role("img", name=label)).to_be_visible()
