"""Documents that version 1 wrote are shown by the views of today."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive import catch_up
from iss_agents.archive.database import connect
from iss_agents.archive.destinations import EVENTS, GAPS, POSTS, READINGS
from iss_agents.archive.hours import SUMMARIES, Hour, mark
from iss_agents.archive.queries import History
from iss_agents.parts import Parts
from iss_agents.settings import Settings
from iss_agents.station_clock import milliseconds
from tests.archive.lasting import prepare
from tests.versions.examples import LATER, NOON, PLAIN, READING
from tests.versions.record import document_in, folder
from tests.web.archived import fetch
from tests.web.conftest import Client

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
def settings(mongo_url: str) -> Settings:
    return Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"v{uuid4().hex}")


@pytest.fixture
async def history(settings: Settings, parts: Parts) -> AsyncIterator[History]:
    database = connect(settings)
    await prepare(database, settings)
    await catch_up.begin(database, LATER, LATER - LATER)
    for name, collection in FILES.items():
        await database[collection].insert_one(document_in(folder(1) / "documents" / f"{name}.bson"))
    await mark(database, [Hour(one.item_id, milliseconds(NOON)) for one in (READING, PLAIN)], datetime.now(UTC))
    database.client.close()
    parts.history = History(settings)
    yield parts.history
    parts.history.close()


@pytest.mark.usefixtures("history")
async def test_readings_and_hours_of_version_1_are_shown(client: Client) -> None:
    readings = (await fetch(client, f"/api/v1/telemetry?{SPAN}"))["readings"]
    summary = await fetch(client, f"/api/v1/telemetry/summary?item=NODE3000005&{SPAN}&points=2")

    assert {one["event_id"]: (one["value"], one.get("suspect")) for one in readings} == {
        READING.event_id: ("37", "frozen"),
        PLAIN.event_id: ("745.2", None),
    }
    assert [(one["count"], one["mean"], one["last"]) for one in summary["buckets"]] == [(3, 36.75, "FULL")]


@pytest.mark.usefixtures("history")
async def test_gaps_and_events_of_version_1_are_shown(client: Client) -> None:
    gaps = (await fetch(client, f"/api/v1/gaps?{SPAN}"))["gaps"]
    events = (await fetch(client, f"/api/v1/events?{SPAN}"))["events"]
    posts = (await fetch(client, f"/api/v1/posts?{SPAN}"))["posts"]

    assert [(gap["cause"], gap["end"], gap["detail"]) for gap in gaps] == [
        ("outage", "2026-08-11T12:00:33.500Z", "a reason")
    ]
    assert [(event["kind"], event["level_before"], event["level_after"]) for event in events] == [
        ("use", 37.0, 43.5)
    ]
    assert [(post["decision"], post["text"]) for post in posts] == [("posted", "A text.")]
