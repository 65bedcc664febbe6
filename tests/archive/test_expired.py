"""Hours outlive their readings: nothing that was summarised is lost, and nobody looks for what is gone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive import catch_up
from iss_agents.archive.buckets import DAY, HOUR, MINUTE, SECOND
from iss_agents.archive.database import Database, connect
from iss_agents.archive.hours import Hour, hours_of, mark
from iss_agents.archive.places import Place
from iss_agents.archive.queries import History
from iss_agents.archive.silences import leap_of
from iss_agents.archive.summariser import stale_hours, summarise
from iss_agents.archive.windows import Walk
from iss_agents.settings import Settings
from iss_agents.station_clock import EPOCH, from_milliseconds, milliseconds
from tests.archive.lasting import prepare
from tests.archive.test_summaries import FIRST, ITEM, NOW, asked, folded, reading, rounded, store, summarise_all

MONTH = timedelta(days=30)
DOCUMENTS = [
    reading(FIRST + number * 20 * SECOND, f"{number}", f"{number:03}")
    for number in range(3 * HOUR // (20 * SECOND))
]
"""Readings of three hours, three a minute."""


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    return Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"e{uuid4().hex}")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    await catch_up.begin(database, NOW, MONTH)
    yield database
    database.client.close()


async def expire(database: Database, before: int) -> None:
    """Remove the readings before a time, as MongoDB does in its own time."""
    await database.readings.delete_many({"sequence": {"$lt": before}})


@pytest.mark.parametrize("expired", [30 * MINUTE, 90 * MINUTE, 3 * HOUR])
async def test_late_readings_add_to_what_has_expired_and_replace_nothing(
    database: Database, expired: int
) -> None:
    late = [reading(FIRST + minute * MINUTE + 1, "7", f"late {minute}") for minute in (185, 200)]
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + expired)
    await store(database, late)
    await mark(database, hours_of(DOCUMENTS), NOW - timedelta(days=1))

    for width in (MINUTE, 5 * MINUTE, HOUR, DAY):
        while_stale = await asked(database, FIRST, FIRST + DAY, width)
        assert rounded(while_stale) == rounded(folded(DOCUMENTS + late, FIRST, FIRST + DAY, width))
    await summarise_all(database)
    for width in (MINUTE, 5 * MINUTE, HOUR, DAY):
        summarised = await asked(database, FIRST, FIRST + DAY, width)
        assert rounded(summarised) == rounded(folded(DOCUMENTS + late, FIRST, FIRST + DAY, width))


async def test_a_late_reading_of_a_minute_that_is_there_counts(database: Database) -> None:
    late = [reading(FIRST + 100 * MINUTE + 1, "7", "late")]
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + HOUR)
    await store(database, late)
    await summarise_all(database)

    assert rounded(await asked(database, FIRST, FIRST + DAY, HOUR)) == rounded(
        folded(DOCUMENTS + late, FIRST, FIRST + DAY, HOUR)
    )


async def test_expired_readings_that_are_read_from_the_bus_again_change_nothing(database: Database) -> None:
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + 3 * HOUR)
    # Kafka gives some of them again, and they expire before their hours are summarised, or after it.
    for again in (DOCUMENTS[:100], []):
        await database.readings.insert_many(again) if again else None
        await mark(database, hours_of(DOCUMENTS), NOW - timedelta(days=1))
        await summarise_all(database)
        await expire(database, FIRST + 3 * HOUR)

    assert rounded(await asked(database, FIRST, FIRST + DAY, MINUTE)) == rounded(
        folded(DOCUMENTS, FIRST, FIRST + DAY, MINUTE)
    )


async def test_catching_up_again_keeps_what_has_expired(database: Database) -> None:
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + 90 * MINUTE)
    await database.summaries.delete_one({"_id": catch_up.PROGRESS})
    await catch_up.begin(database, NOW, timedelta(days=3))
    while await catch_up.go_on(database):
        await summarise_all(database)

    assert await stale_hours(database, NOW + timedelta(minutes=2)) == []
    assert rounded(await asked(database, FIRST, FIRST + DAY, HOUR)) == rounded(
        folded(DOCUMENTS, FIRST, FIRST + DAY, HOUR)
    )


async def test_a_slower_summariser_does_not_replace_what_another_made_in_time(database: Database) -> None:
    await store(database, DOCUMENTS)
    hours = await stale_hours(database, NOW)
    await summarise_all(database)
    await expire(database, FIRST + 3 * HOUR)

    assert [await summarise(database, hour) for hour in hours] == [False, False, False]
    assert sum(bucket.count for bucket in await asked(database, FIRST, FIRST + DAY, DAY)) == len(DOCUMENTS)


async def test_a_span_older_than_the_readings_is_answered_in_minutes(
    database: Database, settings: Settings
) -> None:
    await store(database, DOCUMENTS)
    await summarise_all(database)
    await expire(database, FIRST + 3 * HOUR)
    history = History(settings)
    start, end = from_milliseconds(FIRST), from_milliseconds(FIRST + HOUR)
    fine, coarse = await history.summary(ITEM, start, end, 5000), await history.summary(ITEM, start, end, 4)
    history.close()

    assert (fine.width, len(fine.buckets)) == (MINUTE, 60)
    assert (coarse.width, [bucket.count for bucket in coarse.buckets]) == (15 * MINUTE, [45] * 4)


async def test_months_of_hours_without_readings_are_one_step(database: Database) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=160)
    await database.summaries.insert_many(_expired(first, 120 * 24))
    await store_now(database, young := now - timedelta(days=10))
    await store_now(database, late := now - timedelta(days=100))

    for items in ([], [ITEM]):
        walk = Walk(database.readings, items, datetime.now(UTC), leap=leap_of(database, items, MONTH))
        windows = [window async for window in walk.windows(Place(EPOCH))]
        found = [document["source_ts"] for window in windows for document in window.documents]
        assert found == [late, young]
        assert len(windows) < 200


async def test_late_readings_that_have_expired_too_are_stepped_over(database: Database) -> None:
    await store_now(database, datetime(2020, 1, 1, tzinfo=UTC))
    await summarise_all(database, datetime.now(UTC) + timedelta(hours=1))
    leap = leap_of(database, [ITEM], MONTH)
    while_it_is_there = await leap(EPOCH)
    gone = datetime.now(UTC) - MONTH - timedelta(minutes=1)
    await database.summaries.update_many({"item_id": ITEM}, {"$set": {"summarised_at": gone}})

    assert while_it_is_there == datetime(2020, 1, 1, tzinfo=UTC)
    assert datetime.now(UTC) - await leap(EPOCH) < timedelta(hours=2)


async def store_now(database: Database, time: datetime) -> None:
    """Store a reading that comes in now and was measured at `time`."""
    documents = [reading(milliseconds(time), "1", time.isoformat())]
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), datetime.now(UTC))


def _expired(first: datetime, count: int) -> list[dict[str, object]]:
    hours = [Hour(ITEM, milliseconds(first) + number * HOUR) for number in range(count)]
    return [
        {
            "_id": hour.name,
            "item_id": ITEM,
            "hour": from_milliseconds(hour.start),
            "stale": False,
            "summarised_at": from_milliseconds(hour.start + 2 * HOUR),
        }
        for hour in hours
    ]
