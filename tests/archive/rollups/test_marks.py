"""Marks of dirty hours: readings that arrive at any time are in the rollup in the end."""

import random
from datetime import timedelta

from iss_agents.archive.mongo import Database
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import DirtyHours, hours_of, mark
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    TODAY,
    asked,
    folded,
    reading,
    rounded,
    some_readings,
    store,
    summarise_all,
)


async def test_readings_that_come_while_an_hour_is_summarised_are_not_lost(database: Database) -> None:
    documents = [reading(FIRST, "1", "a"), reading(FIRST + 1, "2", "b")]
    await store(database, documents[:1])
    [stale] = await stale_hours(database, NOW)
    await store(database, documents[1:])

    assert not await compute_rollup(database, stale)
    assert await asked(database, FIRST, TODAY, DAY) == folded(documents, FIRST, TODAY, DAY)
    await summarise_all(database)
    assert await asked(database, FIRST, TODAY, DAY) == folded(documents, FIRST, TODAY, DAY)
    assert await stale_hours(database, NOW) == []


async def test_marking_and_summarising_again_changes_nothing(database: Database) -> None:
    documents = some_readings(random.Random(3), 50)
    await store(database, documents)
    await summarise_all(database)
    before = await asked(database, FIRST, TODAY, HOUR)
    stale = [{**hour, "stale": True} for hour in await database.summaries.find({"item_id": ITEM}).to_list(None)]
    for hour in stale:
        await compute_rollup(database, hour)
    await mark(database, hours_of(documents), NOW - timedelta(days=1))
    await summarise_all(database)

    assert rounded(await asked(database, FIRST, TODAY, HOUR)) == rounded(before)


async def test_what_was_there_before_hours_were_marked_is_found_and_marked(database: Database) -> None:
    documents = some_readings(random.Random(5), 200)
    await database.summaries.delete_many({})
    await database.readings.insert_many(documents)
    expected = rounded(folded(documents, FIRST, TODAY, HOUR))
    await backfill.begin(database, NOW)
    assert not await backfill.is_complete(database, 5000)
    assert rounded(await asked(database, FIRST, TODAY, HOUR)) == expected

    while await backfill.mark_next_window(database):
        await summarise_all(database)

    assert await backfill.is_complete(database, 5000)
    assert rounded(await asked(database, FIRST, TODAY, HOUR)) == expected
    assert await database.summaries.count_documents({"stale": False}) > 10


async def test_an_open_hour_is_marked_once_and_a_closed_one_twice_a_minute(database: Database) -> None:
    marks, hour = DirtyHours(), TODAY // HOUR * HOUR
    for seconds in (0, 29, 30, 31):
        now = NOW + timedelta(seconds=seconds)
        marks.note([reading(hour, "1", f"{seconds}"), reading(FIRST, "1", f"{seconds} late")], now)
        await marks.write(database, now)
    over = from_milliseconds(hour + HOUR + 2 * MINUTE)
    marks.note([reading(hour, "1", "later")], over)
    await marks.write(database, over)

    found = await database.summaries.find({"item_id": ITEM}).sort("hour", 1).to_list(None)
    assert [(one["_id"], one["marks"]) for one in found] == [
        (f"{ITEM}|2026-08-09T22", 2),
        (f"{ITEM}|2026-08-11T12", 2),
    ]


async def test_no_reading_is_missing_that_came_while_its_hour_was_known(
    database: Database,
) -> None:
    marks, later = DirtyHours(), NOW + timedelta(seconds=29)
    for number, now in enumerate((NOW, later)):
        await database.readings.insert_one(one := reading(FIRST, "1", f"{number}"))
        marks.note([one], now)
        await marks.write(database, now)
        assert await stale_hours(database, later + timedelta(seconds=60)) == []
    await summarise_all(database, NOW + timedelta(minutes=2))

    [found] = await database.summaries.find({"stale": False, "item_id": ITEM}).to_list(None)
    assert found["count"] == 2


async def test_a_database_that_was_away_is_told_again_what_is_marked(database: Database) -> None:
    marks = DirtyHours()
    marks.note([reading(TODAY, "1", "a")], NOW)
    await marks.write(database, NOW)
    await database.summaries.delete_many({})
    marks.forget_marked()
    marks.note([reading(TODAY, "1", "a")], NOW)
    await marks.write(database, NOW)

    assert await database.summaries.distinct("_id") == [f"{ITEM}|2026-08-11T12"]
