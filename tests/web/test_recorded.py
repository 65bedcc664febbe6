"""Documents that version 1 wrote are shown by the views of today."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from iss_agents.archive.destinations import EVENTS, GAPS, POSTS, READINGS
from iss_agents.archive.mongo import connect
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, mark
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import milliseconds
from tests.versions.examples import LATER, NOON, PLAIN, READING
from tests.versions.record import document_in, folder
from tests.web.archived import fetch
from tests.web.conftest import Client
from web.base.context import WorkerContext

SPAN = "from=2026-08-11T11:00:00Z&to=2026-08-11T13:00:00Z"
FILES = {
    "reading": READINGS.collection,
    "reading-plain": READINGS.collection,
    "gap": GAPS.collection,
    "use": EVENTS.collection,
    "decision": POSTS.collection,
    "hour": SUMMARIES,
}


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"source": READING.source}


@pytest.fixture
async def history(settings: Settings, context: WorkerContext) -> AsyncIterator[History]:
    database = connect(settings)
    await prepare(database, settings)
    await backfill.begin(database, LATER)
    for name, collection in FILES.items():
        await database[collection].insert_one(document_in(folder(1) / "documents" / f"{name}.bson"))
    await mark(database, [Hour(one.item_id, milliseconds(NOON)) for one in (READING, PLAIN)], datetime.now(UTC))
    database.client.close()
    context.history = History(settings)
    yield context.history
    context.history.close()


@pytest.mark.usefixtures("history")
async def test_readings_and_hours_of_version_1_are_shown(client: Client) -> None:
    readings = (await fetch(client, f"/api/v1/telemetry?{SPAN}"))["readings"]
    summary = await fetch(client, f"/api/v1/telemetry/summary?item=NODE3000005&{SPAN}&points=2")

    assert {one["event_id"]: (one["value"], one.get("suspect")) for one in readings} == {
        READING.event_id: ("37", "frozen"),
        PLAIN.event_id: ("745.2", None),
    }
    # A minute of 36.5 and 37, of which version 1 kept the sum, and four minutes of 37.
    assert summary["buckets"][0] == summary["buckets"][0] | {"count": 3, "mean": 36.95, "last": "FULL"}
    held = {(one["count"], one["mean"], one["last"]) for one in summary["buckets"][1:]}
    assert held == {(0, None, "FULL")}


@pytest.mark.usefixtures("history")
async def test_gaps_and_events_of_version_1_are_shown(client: Client) -> None:
    gaps = (await fetch(client, f"/api/v1/gaps?{SPAN}&source=simulated"))["gaps"]
    events = (await fetch(client, f"/api/v1/events?{SPAN}"))["events"]
    posts = (await fetch(client, f"/api/v1/posts?{SPAN}"))["posts"]

    assert [(gap["cause"], gap["end"], gap["detail"]) for gap in gaps] == [
        ("outage", "2026-08-11T12:00:33.500Z", "a reason")
    ]
    assert [(event["kind"], event["level_before"], event["level_after"]) for event in events] == [
        ("use", 37.0, 43.5)
    ]
    assert [(post["decision"], post["text"]) for post in posts] == [("posted", "A text.")]
