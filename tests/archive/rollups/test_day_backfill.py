"""Days of hours that an earlier version computed are marked, and computed."""

from datetime import datetime, timedelta

from pydantic import SecretStr

from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.rollups import day_backfill
from iss_agents.archive.rollups.day_job import stale_days
from iss_agents.archive.rollups.days import DAYS, Day
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.answering import Command, answering
from tests.archive.rollups.five_days import (
    DAYS_THERE,
    FIRST,
    STATES,
    compute_days,
    counts,
    three_readings_a_day,
    used_days,
)
from tests.archive.rollups.two_days import ITEM, NOW, reading, store, summarise_all


async def test_days_of_hours_that_were_there_before_are_computed_and_the_backfill_resumes(
    database: Database,
) -> None:
    question = await three_readings_a_day(database)
    await database[DAYS].delete_many({})
    await day_backfill.begin(database, NOW)
    first = from_milliseconds(FIRST)
    long_before = first - timedelta(days=380)
    await database[DAYS].update_one({"_id": day_backfill.PROGRESS}, {"$set": {"until": long_before}})
    while not await database[DAYS].count_documents({"item_id": ITEM}):
        assert await day_backfill.mark_next_day(database)
    # A worker that ends after it has marked a day, and before it has noted that, marks it again.
    await database[DAYS].update_one({"_id": day_backfill.PROGRESS}, {"$set": {"until": first}})
    assert await day_backfill.mark_next_day(database)
    assert await database[DAYS].count_documents({"item_id": ITEM}) == 1
    await day_backfill.begin(database, NOW + timedelta(days=9))
    while await day_backfill.mark_next_day(database):
        pass

    assert await compute_days(database) == [True] * DAYS_THERE
    assert await used_days(database, question) == DAYS_THERE
    assert not await day_backfill.mark_next_day(database)


async def test_the_backfill_of_a_new_database_is_complete_at_once(database: Database) -> None:
    await day_backfill.begin(database, NOW)

    assert [await day_backfill.mark_next_day(database) for _ in range(2)] == [True, False]


async def test_days_of_hours_that_an_earlier_version_computes_are_computed_again(database: Database) -> None:
    question = await three_readings_a_day(database)
    computed = datetime.now(tz=NOW.tzinfo)
    await day_backfill.begin(database, computed)
    [day, *_] = await database[DAYS].find({"item_id": ITEM}).sort("day", 1).to_list(None)
    await store(database, [reading(FIRST + 1, "2", "late")])
    await summarise_all(database)
    # An earlier version leaves the day alone, and does not say with which marks it computed the hour.
    await database[DAYS].replace_one({"_id": day["_id"]}, day)
    await database.summaries.update_one({"hour": day["day"]}, {"$set": {"day_marks": 1}})

    later = computed + timedelta(days=1, hours=1)
    assert not await day_backfill.check_next_hours(database, computed + timedelta(minutes=14))
    assert [await day_backfill.check_next_hours(database, later) for _ in range(3)] == [True, True, False]
    assert [stale["_id"] for stale in await stale_days(database, NOW)] == [day["_id"]]
    assert await counts(database, question) == [4, *[3] * (DAYS_THERE - 1)]


async def test_more_hours_than_the_database_reads_in_time_are_checked_in_shorter_periods(
    settings: Settings, database: Database
) -> None:
    computed = datetime.now(tz=NOW.tzinfo)
    await day_backfill.begin(database, computed)
    hour = {"hour": from_milliseconds(FIRST), "summarised_at": computed + timedelta(hours=20)}
    hours: list[Document] = [
        {"item_id": ITEM, "marks": 1},
        {"item_id": STATES},
        {"marks": 1},
        {"item_id": 7, "marks": 1},
    ]
    await database.summaries.insert_many({"_id": str(each), **hour, **each} for each in hours)

    async def slow(command: Command) -> dict[str, object] | None:
        period = command.fields.get("filter", {}).get("summarised_at")
        if not period or period["$lt"] - period["$gte"] < timedelta(hours=3):
            return None
        return {"ok": 0.0, "errmsg": "exceeded time limit", "code": 50, "codeName": "MaxTimeMSExpired"}

    async with answering(settings.mongo_url.get_secret_value(), slow) as url:
        own = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        while await day_backfill.check_next_hours(own, computed + timedelta(days=1)):
            pass
        own.client.close()

    assert [day["_id"] for day in await stale_days(database, NOW)] == [Day(ITEM, FIRST).name]
