"""An hour that cannot be summarised, or marked, holds up no other."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill, due
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import hours_of, mark
from iss_agents.archive.rollups.job import RETRY_DELAY, compute_or_postpone
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.answering import Command, answering
from tests.archive.rollups.two_days import FIRST, NOW, reading, store

HOURS = [FIRST + number * HOUR for number in range(5)]


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    yield database
    database.client.close()


def a_reading_in_each_hour() -> list[Document]:
    return [reading(start, "1", f"{start}") for start in HOURS]


async def stale(database: Database) -> list[object]:
    hours = await database.summaries.find({"stale": True}).sort("hour", 1).to_list(None)
    return [hour.get("hour") for hour in hours]


@pytest.mark.parametrize(
    "edit",
    [{"minutes": {"minute": "none"}}, {"minutes": {}}, {"minutes": 5}],
    ids=["columns missing", "minutes empty", "minutes a number"],
)
async def test_an_hour_that_somebody_has_edited_is_put_off_and_the_others_are_summarised(
    database: Database, caplog: pytest.LogCaptureFixture, edit: Document
) -> None:
    await store(database, a_reading_in_each_hour())
    await database.summaries.update_one({"hour": from_milliseconds(HOURS[1])}, {"$set": edit})

    done = [await compute_or_postpone(database, hour) for hour in await stale_hours(database, NOW)]

    assert sorted(done) == [False, True, True, True, True]
    assert await stale(database) == [from_milliseconds(HOURS[1])]
    assert "is postponed until" in caplog.text


async def test_an_hour_that_the_database_rejects_is_put_off_for_some_minutes(
    database: Database, settings: Settings
) -> None:
    first = from_milliseconds(HOURS[0]).replace(tzinfo=None)

    async def answer(command: Command) -> Document | None:
        if command.fields.get("filter", {}).get("source_ts", {}).get("$gte") != first:
            return None
        return {"ok": 0.0, "errmsg": "not implemented", "code": 238, "codeName": "NotImplemented"}

    await store(database, a_reading_in_each_hour())
    async with answering(settings.mongo_url.get_secret_value(), answer) as url:
        proxied = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        for hour in await stale_hours(proxied, NOW):
            await compute_or_postpone(proxied, hour)
        proxied.client.close()

    [hour] = await database.summaries.find({"stale": True}).to_list(None)
    due = hour["rests_until"]
    assert hour["hour"] == from_milliseconds(HOURS[0])
    assert [await stale_hours(database, due - timedelta(seconds=1)), await stale_hours(database, due)] == [
        [],
        [hour],
    ]
    assert timedelta() < RETRY_DELAY < timedelta(hours=1)


async def test_a_reading_that_somebody_has_edited_is_left_out_of_its_hour(database: Database) -> None:
    await store(database, a_reading_in_each_hour())
    await database.readings.update_one({"_id": f"{HOURS[0]}"}, {"$set": {"sequence": "a text"}})

    assert all([await compute_or_postpone(database, hour) for hour in await stale_hours(database, NOW)])
    counts = [hour["count"] for hour in await database.summaries.find({}).sort("hour", 1).to_list(None)]
    assert counts == [0, 1, 1, 1, 1]


async def test_hours_that_rest_hide_none_that_are_due(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 2)
    await store(database, a_reading_in_each_hour())
    resting = {"hour": {"$lt": from_milliseconds(HOURS[4])}}
    await database.summaries.update_many(resting, {"$set": {"rests_until": NOW + timedelta(hours=1)}})

    assert [hour["hour"] for hour in await stale_hours(database, NOW)] == [from_milliseconds(HOURS[4])]
    assert len(await stale_hours(database, NOW + timedelta(hours=1))) == 2


async def test_an_hour_that_cannot_be_marked_holds_up_neither_the_others_nor_the_archive(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    readings = a_reading_in_each_hour()
    await store(database, readings)
    await database.summaries.update_many({}, {"$set": {"stale": False}})
    await database.summaries.update_one({"hour": from_milliseconds(HOURS[2])}, {"$set": {"marks": "many"}})

    await mark(database, hours_of(readings), NOW)

    assert await stale(database) == [from_milliseconds(start) for start in HOURS if start != HOURS[2]]
    assert "will not be updated: 14" in caplog.text


async def test_a_reading_that_somebody_has_edited_does_not_end_the_backfill(database: Database) -> None:
    readings = [each | {"ingest_ts": NOW - timedelta(hours=1)} for each in a_reading_in_each_hour()]
    await database.readings.insert_many([readings[0] | {"sequence": "a text"}, *readings[1:]])
    await backfill.begin(database, NOW)

    while await backfill.mark_next_window(database):
        pass

    assert await stale(database) == [from_milliseconds(start) for start in HOURS[1:]]
