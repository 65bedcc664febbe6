"""Every query reads a range of an index, and no more than its answer needs."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.packed import backfill as packing
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.day_job import compute_day, gaps_of_days, stale_days
from iss_agents.archive.rollups.days import day_of, mark_days
from iss_agents.archive.rollups.hours import Hour
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import milliseconds
from tests.archive.answering import Command, answering
from tests.factories import NOON, settings_for

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ITEM = "NODE3000005"
HOURS = 200
READ_AT_MOST = 25
"""Documents of any kind in the longest of the spans, a day: one an hour."""
SPAN = (NOON, NOON + HOUR)
ZONE = ZoneInfo("UTC")

QUERIES: dict[str, Callable[[History], Awaitable[Any]]] = {
    "telemetry of an item": lambda history: history.readings.page([ITEM], *SPAN, 10),
    "telemetry of all items": lambda history: history.readings.page([], *SPAN, 10),
    "summary": lambda history: history.summary(ITEM, NOON - DAY, NOON, 24, NOON),
    "values before": lambda history: history.values_before([ITEM], NOON),
    "gaps": lambda history: history.gaps(*SPAN, 10),
    "gaps of an item": lambda history: history.gaps(*SPAN, 10, item_id=ITEM),
    "events": lambda history: history.events(*SPAN, 10),
    "events of a kind": lambda history: history.events(*SPAN, 10, kind="use"),
    "uses a day": lambda history: history.uses(*SPAN, "day", ZONE),
    "posts": lambda history: history.posts(*SPAN, 10),
}

EXAMPLES: dict[str, tuple[str, Document]] = {
    "events of a kind": ("events", {"kind": "use", "source": "isslive"}),
    "the post of a reading": ("posts", {"reading_ids": "a"}),
    "hours of a day": ("summaries", {"item_id": ITEM, "hour": {"$gte": NOON}}),
}
"""Those of the documentation for `mongosh`: the collection, and the filter."""


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    return settings_for(mongo_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    await backfill.begin(database, NOON - 2 * HOURS * HOUR)
    times = [NOON - HOURS * HOUR + number * HOUR for number in range(HOURS + 1)]
    known = [{"source": "simulated", "item_id": ITEM, "sequence": milliseconds(time)} for time in times]
    await database.readings.insert_many(
        {"_id": f"{time}", "source_ts": time, "ingest_ts": time, "value": "1", **fields}
        for time, fields in zip(times, known, strict=True)
    )
    hour = {"stale": False, "marks": 1, "count": 1, "numbers": 1, "min": 1, "max": 1, "sum": 1, "last": "1"}
    columns = {name: [hour[name]] for name in ("count", "numbers", "min", "max", "sum", "last")}
    await database.summaries.insert_many(
        {**hour, "_id": Hour(ITEM, milliseconds(time)).name, "item_id": ITEM, "hour": time}
        | {"minutes": {"minute": [0], **columns}}
        for time in (time.replace(minute=0) for time in times[:-1])
    )
    ends = [(time, time + HOUR / 2) for time in times]
    fields = {"source": "simulated", "cause": "los", "kind": "use", "delta_percent": 1}
    for collection in ("gaps", "events"):
        await database[collection].insert_many(
            {"_id": f"{start}", "start": start, "end": end, **fields} for start, end in ends
        )
    await database.posts.insert_many(
        {"_id": f"{time}", "decided_at": time, "source": "simulated"} for time in times
    )
    yield database
    database.client.close()


def stages(plan: Any) -> Iterator[str]:
    """Yield the names of the stages of a plan."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"]
        for part in plan.values():
            yield from stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from stages(part)


async def explained(database: Database, find: Document) -> tuple[set[str], int]:
    """Return the stages of a query, and how many documents it examined."""
    wanted = {
        name: find[name] for name in ("find", "filter", "projection", "sort", "limit", "skip") if name in find
    }
    plan = await database.command({"explain": wanted, "verbosity": "executionStats"})
    return set(stages(plan["queryPlanner"]["winningPlan"])), plan["executionStats"]["totalDocsExamined"]


@asynccontextmanager
async def recording(settings: Settings, finds: list[Document]) -> AsyncIterator[Settings]:
    """Yield settings whose database adds what it is asked to `finds`, apart from single documents."""

    async def record(command: Command) -> None:
        if command.name == "find" and "_id" not in command.fields["filter"]:
            finds.append(command.fields)

    async with answering(settings.mongo_url.get_secret_value(), record) as url:
        yield settings.model_copy(update={"mongo_url": SecretStr(url)})


async def finds_of(settings: Settings, query: Callable[[History], Awaitable[Any]]) -> list[Document]:
    """Return what a query asks of the database."""
    finds: list[Document] = []
    async with recording(settings, finds) as recorded:
        history = History(recorded)
        await query(history)
        history.close()
    return finds


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_of_the_api_reads_a_range_of_an_index(
    settings: Settings, database: Database, name: str
) -> None:
    finds = await finds_of(settings, QUERIES[name])

    assert finds
    for find in finds:
        plan, examined = await explained(database, find)
        assert "COLLSCAN" not in plan, find
        assert examined <= READ_AT_MOST, find


async def test_a_plot_of_days_reads_the_days_and_the_hours_at_both_ends(
    settings: Settings, database: Database
) -> None:
    first = NOON - 7 * DAY
    days = {day_of(ITEM, first + number * DAY) for number in range(7)}
    await mark_days(database, days)
    stale = await stale_days(database, NOON)
    gaps_of = await gaps_of_days(database, stale, "simulated")
    for day in stale:
        assert await compute_day(database, day, "simulated", gaps_of(ITEM, "simulated"))

    finds = await finds_of(settings, lambda history: history.summary(ITEM, first, NOON, 10, NOON))

    read = Counter[str]()
    for find in finds:
        plan, examined = await explained(database, find)
        assert "COLLSCAN" not in plan, find
        read[find["find"]] += examined
    before, at_the_ends, of_the_last_minute = 24, 2 * 12, 2
    assert read["days"] == 6
    assert read["summaries"] <= before + 2 * at_the_ends
    assert read["readings"] <= of_the_last_minute


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_of_the_documentation_reads_a_range_of_an_index(database: Database, name: str) -> None:
    collection, query = EXAMPLES[name]

    plan, _ = await explained(database, {"find": collection, "filter": query})

    assert "COLLSCAN" not in plan


async def test_the_next_hour_to_pack_is_found_without_reading_those_after_it(
    settings: Settings, database: Database
) -> None:
    await packing.begin(database, NOON)
    first = await packing.next_hours(database, NOON)
    assert first
    await packing.reached(database, first.rollups[0]["hour"] + HOUR, first.end)

    finds: list[Document] = []
    async with recording(settings, finds) as recorded:
        own = connect(recorded)
        second = await packing.next_hours(own, NOON)
        own.client.close()

    assert second
    assert second.rollups[0]["hour"] == first.rollups[0]["hour"] + HOUR
    for find in finds:
        _, examined = await explained(database, find)
        assert examined <= READ_AT_MOST, find
