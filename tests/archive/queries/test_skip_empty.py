"""Silences are stepped over, and nothing that is in them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.queries.history import History
from iss_agents.archive.queries.skip_empty import skip_empty
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.hours import hours_of, mark
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH, milliseconds
from tests.archive.kafka import NOON
from tests.archive.packed.conftest import database, settings

__all__ = ["database", "settings"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
async def hours_are_known(database: Database) -> None:
    await backfill.begin(database, NOON)


def reading(item_id: str, time: datetime) -> Document:
    return {
        "_id": uuid4().hex,
        "item_id": item_id,
        "source": "simulated",
        "source_ts": time,
        "ingest_ts": time,
        "sequence": milliseconds(time),
    }


async def store(database: Database, *documents: Document) -> None:
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), datetime.now(UTC))


async def test_half_a_century_of_silence_is_one_page(database: Database, settings: Settings) -> None:
    stored = [reading("A", NOON), reading("B", NOON + 3 * HOUR), reading("A", NOON + 9 * DAY)]
    await store(database, *stored)
    history = History(settings)
    of_all = await history.readings.page([], EPOCH, datetime.now(UTC), 1000)
    of_one = await history.readings.page(["A"], EPOCH, datetime(2099, 1, 1, tzinfo=UTC), 1000)
    history.close()

    assert ([one["_id"] for one in of_all.documents], of_all.next_cursor) == (
        [one["_id"] for one in stored],
        None,
    )
    assert ([one["_id"] for one in of_one.documents], of_one.next_cursor) == (
        [stored[0]["_id"], stored[2]["_id"]],
        None,
    )


async def test_a_worker_that_asks_for_a_shorter_retention_finds_what_the_database_keeps(
    database: Database, settings: Settings
) -> None:
    then = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 60 * DAY
    stored = [reading("A", then + number * HOUR) for number in range(5)]
    await store(database, *stored)
    summarised = {"stale": False, "summarised_at": then + 6 * HOUR}
    await database.summaries.update_many({"item_id": "A"}, {"$set": summarised})
    history = History(settings.model_copy(update={"retention_days": 30}))
    pages = [
        await history.readings.page(items, then - 9 * DAY, datetime.now(UTC), 100) for items in ([], ["A"])
    ]
    history.close()

    names = [one["_id"] for one in stored]
    assert [[one["_id"] for one in page.documents] for page in pages] == [names, names]


async def test_a_leap_ends_where_the_next_hour_with_readings_begins(database: Database) -> None:
    await store(database, reading("A", NOON + 5 * HOUR + timedelta(minutes=20)), reading("B", NOON))
    skip, of_a = skip_empty(database, []), skip_empty(database, ["A"])

    assert await skip(NOON + timedelta(minutes=10)) == NOON + timedelta(minutes=10)
    assert await skip(NOON + 2 * HOUR) == NOON + 5 * HOUR
    assert await of_a(NOON) == NOON + 5 * HOUR
    assert await of_a(NOON + 5 * HOUR + timedelta(minutes=59)) == NOON + 5 * HOUR + timedelta(minutes=59)


async def test_what_is_young_is_never_stepped_over(database: Database) -> None:
    skip = skip_empty(database, ["A"])
    reached = await skip(NOON)

    assert timedelta() <= datetime.now(UTC) - HOUR - reached < timedelta(seconds=30)
    assert await skip(later := datetime.now(UTC) - timedelta(minutes=5)) == later


async def test_nothing_is_stepped_over_while_old_hours_are_still_unmarked(database: Database) -> None:
    await database.summaries.delete_many({})
    await database.readings.insert_one(reading("A", NOON + HOUR))
    await backfill.begin(database, NOON + DAY)

    assert await skip_empty(database, [])(NOON) == NOON
