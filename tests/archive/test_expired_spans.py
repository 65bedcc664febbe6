"""Spans whose readings have expired: nobody looks for what is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Database
from iss_agents.archive.queries.history import History
from iss_agents.archive.queries.skip_empty import skip_empty
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import HOUR, MINUTE
from iss_agents.archive.rollups.hours import Hour, hours_of, mark
from iss_agents.archive.scan import WindowScan
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds
from tests.archive.expiry import let_readings_expire
from tests.archive.packed.conftest import database, settings
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    reading,
    store,
    summarise_all,
)

__all__ = ["database", "settings"]

ONE_DAY = timedelta(days=1)
MONTH = 30 * ONE_DAY


@pytest.fixture(autouse=True)
async def hours_are_known(database: Database) -> None:
    await backfill.begin(database, NOW)


async def test_a_span_older_than_the_readings_is_answered_in_minutes(
    database: Database, settings: Settings
) -> None:
    three_a_minute = [reading(FIRST + at, f"{at}", f"{at}") for at in range(0, 3 * HOUR, MINUTE // 3)]
    await store(database, three_a_minute)
    await summarise_all(database)
    await database.readings.delete_many({"item_id": ITEM})
    await let_readings_expire(database, MONTH)
    history = History(settings)
    start, end = from_milliseconds(FIRST), from_milliseconds(FIRST + HOUR)
    fine, coarse = [await history.summary(ITEM, start, end, points, end) for points in (5000, 4)]
    history.close()

    assert (fine.width, len(fine.buckets)) == (MINUTE, 60)
    assert (coarse.width, [bucket.count for bucket in coarse.buckets]) == (15 * MINUTE, [45] * 4)


async def test_months_of_hours_without_readings_are_one_step(database: Database) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=160)
    await let_readings_expire(database, MONTH)
    await database.summaries.insert_many(_expired(first, 120 * 24))
    await store_now(database, young := now - timedelta(days=10))
    await store_now(database, late := now - timedelta(days=100))

    for items in ([], [ITEM]):
        walk = WindowScan(database.readings, items, datetime.now(UTC), skip=skip_empty(database, items))
        windows = [window async for window in walk.windows(Position(EPOCH))]
        found = [document["source_ts"] for window in windows for document in window.documents]
        assert found == [late, young]
        assert len(windows) < 200


async def test_late_readings_that_have_expired_too_are_stepped_over(database: Database) -> None:
    await let_readings_expire(database, MONTH)
    await store_now(database, datetime(2020, 1, 1, tzinfo=UTC))
    await summarise_all(database, datetime.now(UTC) + timedelta(hours=1))
    skip = skip_empty(database, [ITEM])
    while_it_is_there = await skip(EPOCH)
    gone = datetime.now(UTC) - MONTH - timedelta(minutes=1)
    await database.summaries.update_many({"item_id": ITEM}, {"$set": {"summarised_at": gone}})
    await database.packed_hours.delete_many({})

    assert while_it_is_there == datetime(2020, 1, 1, tzinfo=UTC)
    assert datetime.now(UTC) - await skip(EPOCH) < timedelta(hours=2)


async def store_now(database: Database, time: datetime) -> None:
    """Store a reading that comes in now and was measured at `time`."""
    came = {"ingest_ts": datetime.now(UTC)}
    documents = [reading(milliseconds(time), "1", time.isoformat()) | came]
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
