"""Readings and gaps over HTTP, from a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iss_agents.archive.cursor import Page
from iss_agents.archive.queries.history import History
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import Gap
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.topics import GAPS, RAW
from tests.factories import reading_of
from tests.web.archived import fetch, store
from tests.web.conftest import Client
from web.base.context import WorkerContext

START = datetime(2026, 8, 11, 10, 0, tzinfo=UTC)
SPAN = "from=2026-08-11T10:00:00Z&to=2026-08-11T11:00:00Z"
TANK = [reading_of("NODE3000005", str(30 + minute), START + timedelta(minutes=minute)) for minute in range(5)]
PROCESSOR = reading_of("NODE3000004", "16", START + timedelta(minutes=2, seconds=30))
LOS = Gap(
    schema_version=1,
    gap_id="los-1",
    cause="los",
    start=START - timedelta(minutes=2),
    end=START + timedelta(minutes=3),
    source="simulated",
)
OUTAGE = Gap(
    schema_version=1,
    gap_id="outage-1",
    cause="outage",
    start=START + timedelta(minutes=30),
    source="simulated",
)


@pytest.fixture
async def history(settings: Settings, context: WorkerContext) -> AsyncIterator[History]:
    await store(settings, RAW, [*TANK, PROCESSOR])
    await store(settings, GAPS, [LOS, OUTAGE])
    context.history = History(settings)
    yield context.history
    context.history.close()


def values(document: dict[str, Any]) -> list[str]:
    return [reading["value"] for reading in document["readings"]]


@pytest.mark.usefixtures("history")
async def test_readings_of_an_item_are_shown_newest_last(client: Client) -> None:
    document = await fetch(client, f"/api/v1/telemetry?item=NODE3000005&{SPAN}")
    first = document["readings"][0]

    assert values(document) == ["30", "31", "32", "33", "34"]
    assert {name: document[name] for name in ("from", "to", "count", "next_cursor")} == {
        "from": "2026-08-11T10:00:00.000Z",
        "to": "2026-08-11T11:00:00.000Z",
        "count": 5,
        "next_cursor": None,
    }
    assert (first["event_id"], first["source_ts"]) == (TANK[0].event_id, "2026-08-11T10:00:00.000Z")
    assert (first["name"], first["unit"], first["number"]) == ("Urine Tank Qty", "%", 30.0)
    assert "_id" not in first


@pytest.mark.usefixtures("history")
async def test_readings_of_tests_are_answered_to_those_who_ask_for_them_alone(
    client: Client, settings: Settings
) -> None:
    spans = ("item=NODE3000005&", "")
    before = [await fetch(client, f"/api/v1/telemetry?{item}{SPAN}") for item in spans]
    # The second equals a reading of the feed in all but its source.
    times = (START - timedelta(minutes=9), TANK[1].source_ts, START + timedelta(minutes=2))
    tests = [
        reading_of("NODE3000005", value, time, source="test")
        for value, time in zip(("98", "31", "99"), times, strict=True)
    ]
    await store(settings, RAW, tests)

    for item, shown in zip(spans, before, strict=True):
        path = f"/api/v1/telemetry?{item}{SPAN}"
        assert await fetch(client, path) == shown
        assert values(await fetch(client, f"{path}&source=test")) == ["31", "99"]
        assert values(await fetch(client, f"{path}&source=isslive")) == []
    tried = await fetch(client, f"/api/v1/telemetry?item=NODE3000005&{SPAN}&source=test&limit=1")
    assert (values(tried), [held["value"] for held in tried["before"]]) == (["31"], ["98"])
    further = f"/api/v1/telemetry?item=NODE3000005&{SPAN}&cursor={tried['next_cursor']}"
    assert values(await fetch(client, f"{further}&source=test")) == ["99"]
    assert (await client.get(further)).status == 400
    assert (await fetch(client, f"/api/v1/gaps?{SPAN}&source=test"))["gaps"] == []


@pytest.mark.usefixtures("history")
async def test_several_items_are_in_one_order(client: Client) -> None:
    both = await fetch(client, f"/api/v1/telemetry?item=NODE3000005&item=NODE3000004&{SPAN}")
    everything = await fetch(client, f"/api/v1/telemetry?{SPAN}")

    assert values(both) == values(everything) == ["30", "31", "32", "16", "33", "34"]


@pytest.mark.usefixtures("history")
async def test_pages_follow_each_other_without_hole_or_repeat(client: Client) -> None:
    path = f"/api/v1/telemetry?{SPAN}&limit=4"
    first = await fetch(client, path)
    second = await fetch(client, f"{path}&cursor={first['next_cursor']}")

    assert (values(first), values(second)) == (["30", "31", "32", "16"], ["33", "34"])
    assert second["next_cursor"] is None


@pytest.mark.usefixtures("history")
async def test_readings_of_one_instant_are_in_the_order_of_their_arrival(
    client: Client, settings: Settings
) -> None:
    instant = START + timedelta(minutes=20)
    arrived = [f"{number * 37 % 101}.{number}" for number in range(20)]
    await store(settings, RAW, [reading_of("NODE3000009", value, instant) for value in arrived])
    path = f"/api/v1/telemetry?item=NODE3000009&{SPAN}"
    paged, cursor = [], ""
    while True:
        page = await fetch(client, f"{path}&limit=3{cursor}")
        paged += values(page)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    file = await (await client.get(f"{path}&format=ndjson")).text()
    summary = await fetch(client, f"/api/v1/telemetry/summary?item=NODE3000009&{SPAN}")

    assert values(await fetch(client, path)) == paged == arrived
    assert [json.loads(line)["value"] for line in file.splitlines()] == arrived
    assert [one["last"] for one in summary["buckets"] if one["count"]] == arrived[-1:]
    assert "offset" not in page["readings"][0]


@pytest.mark.usefixtures("history")
async def test_what_held_when_the_span_began_is_told_and_not_counted(client: Client) -> None:
    later = "from=2026-08-11T10:30:00Z&to=2026-08-11T11:00:00Z"
    items = "item=NODE3000005&item=NODE3000004&item=NODE3000009"
    document = await fetch(client, f"/api/v1/telemetry?{items}&{later}")

    assert (document["count"], document["readings"]) == (0, [])
    assert [(one["item_id"], one["value"], one["state"], one["source_ts"]) for one in document["before"]] == [
        ("NODE3000005", "34", None, "2026-08-11T10:04:00.000Z"),
        ("NODE3000004", "16", "NORMAL", rfc3339(PROCESSOR.source_ts)),
    ]
    assert (await fetch(client, f"/api/v1/telemetry?{later}"))["before"] == []


@pytest.mark.usefixtures("history")
async def test_the_last_hour_is_the_default(client: Client, settings: Settings) -> None:
    now = datetime.now(UTC)
    ages = [timedelta(minutes=30), timedelta(hours=1, minutes=1)]
    await store(settings, RAW, [reading_of("NODE3000009", str(age), now - age) for age in ages])
    document = await fetch(client, "/api/v1/telemetry?item=NODE3000009")
    earlier = await fetch(client, "/api/v1/telemetry?item=NODE3000009&to=-45m")

    assert values(document) == ["0:30:00"]
    assert values(earlier) == ["1:01:00"]
    assert datetime.fromisoformat(document["to"]) - datetime.fromisoformat(document["from"]) == timedelta(
        hours=1
    )


@pytest.mark.usefixtures("history")
async def test_gaps_that_touch_the_span_are_shown(client: Client) -> None:
    document = await fetch(client, f"/api/v1/gaps?{SPAN}")
    los, outage = document["gaps"]

    assert (document["count"], outage["cause"], outage["end"]) == (2, "outage", None)
    assert los == {
        "gap_id": "los-1",
        "schema_version": 1,
        "cause": "los",
        "start": rfc3339(LOS.start),
        "end": "2026-08-11T10:03:00.000Z",
        "detail": "",
        "source": "simulated",
    }


@pytest.mark.usefixtures("history")
async def test_gaps_may_be_of_an_item_that_the_catalogue_knows(client: Client) -> None:
    document = await fetch(client, f"/api/v1/gaps?{SPAN}&item=NODE3000005")
    answer = await client.get("/api/v1/gaps?item=NODE3")

    assert [gap["cause"] for gap in document["gaps"]] == ["los", "outage"]
    assert (answer.status, (await answer.json())["parameter"]) == (400, "item")


@pytest.mark.usefixtures("history")
async def test_a_page_that_takes_long_ends_where_it_stands(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.archive.queries.readings.PAGE_SECONDS", 0.0)
    path: str | None = f"/api/v1/telemetry?{SPAN}"
    pages = 0
    found: list[str] = []
    while path:
        document = await fetch(client, path)
        pages += 1
        found += values(document)
        following = document["next_cursor"]
        path = f"/api/v1/telemetry?{SPAN}&cursor={following}" if following else None

    assert (pages > 1, found) == (True, ["30", "31", "32", "16", "33", "34"])


@pytest.mark.parametrize(("limit", "expected"), [(1001, 4), (1000, 10)])
async def test_few_large_pages_are_made_at_once(
    client: Client, history: History, monkeypatch: pytest.MonkeyPatch, limit: int, expected: int
) -> None:
    running: set[object] = set()
    most, enough = 0, asyncio.Event()

    async def page(*_: object) -> Page:
        nonlocal most
        running.add(this := object())
        most = max(most, len(running))
        if most == expected:
            enough.set()
        await asyncio.wait_for(enough.wait(), 10)
        # Time for more to come than may.
        await asyncio.sleep(0.01)
        running.remove(this)
        return Page([], None)

    monkeypatch.setattr(history.readings, "page", page)
    path = f"/api/v1/telemetry?{SPAN}&limit={limit}"
    answers = await asyncio.gather(*(fetch(client, path) for _ in range(10)))

    assert [answer["count"] for answer in answers] == [0] * 10
    assert most == expected


@pytest.mark.usefixtures("history")
async def test_a_reading_says_whether_its_status_is_good(client: Client, settings: Settings) -> None:
    statuses = ["24", "24.0", None, "1"]
    readings = [
        reading_of("AIRLOCK000049", "1", START + timedelta(minutes=minute), status_class=status)
        for minute, status in enumerate(statuses)
    ]
    await store(settings, RAW, readings)

    document = await fetch(client, f"/api/v1/telemetry?item=AIRLOCK000049&{SPAN}")

    assert [reading["good"] for reading in document["readings"]] == [True, True, True, False]
