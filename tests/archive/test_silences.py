"""Silences are stepped over, and nothing that is in them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive import catch_up
from iss_agents.archive.database import Database, Document, connect
from iss_agents.archive.hours import hours_of, mark
from iss_agents.archive.queries import History
from iss_agents.archive.silences import leap_of
from iss_agents.settings import Settings
from iss_agents.station_clock import EPOCH, milliseconds
from tests.archive.bus import NOON
from tests.archive.lasting import prepare

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    return Settings(_env_file=None, mongo_url=SecretStr(mongo_url), mongo_database=f"s{uuid4().hex}")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    await catch_up.begin(database, NOON, 30 * DAY)
    yield database
    database.client.close()


def reading(item_id: str, time: datetime) -> Document:
    return {"_id": uuid4().hex, "item_id": item_id, "source_ts": time, "sequence": milliseconds(time)}


async def store(database: Database, *documents: Document) -> None:
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), datetime.now(UTC))


async def test_half_a_century_of_silence_is_one_page(database: Database, settings: Settings) -> None:
    stored = [reading("A", NOON), reading("B", NOON + 3 * HOUR), reading("A", NOON + 9 * DAY)]
    await store(database, *stored)
    history = History(settings)
    of_all = await history.telemetry([], EPOCH, datetime.now(UTC), 1000)
    of_one = await history.telemetry(["A"], EPOCH, datetime(2099, 1, 1, tzinfo=UTC), 1000)
    history.close()

    assert ([one["_id"] for one in of_all.documents], of_all.next_cursor) == (
        [one["_id"] for one in stored],
        None,
    )
    assert ([one["_id"] for one in of_one.documents], of_one.next_cursor) == (
        [stored[0]["_id"], stored[2]["_id"]],
        None,
    )


async def test_a_leap_ends_where_the_next_hour_with_readings_begins(database: Database) -> None:
    await store(database, reading("A", NOON + 5 * HOUR + timedelta(minutes=20)), reading("B", NOON))
    leap, of_a = leap_of(database, [], 30 * DAY), leap_of(database, ["A"], 30 * DAY)

    assert await leap(NOON + timedelta(minutes=10)) == NOON + timedelta(minutes=10)
    assert await leap(NOON + 2 * HOUR) == NOON + 5 * HOUR
    assert await of_a(NOON) == NOON + 5 * HOUR
    assert await of_a(NOON + 5 * HOUR + timedelta(minutes=59)) == NOON + 5 * HOUR + timedelta(minutes=59)


async def test_what_is_young_is_never_stepped_over(database: Database) -> None:
    leap = leap_of(database, ["A"], 30 * DAY)
    reached = await leap(NOON)

    assert timedelta() <= datetime.now(UTC) - HOUR - reached < timedelta(seconds=30)
    assert await leap(later := datetime.now(UTC) - timedelta(minutes=5)) == later


async def test_nothing_is_stepped_over_while_old_hours_are_still_unmarked(database: Database) -> None:
    await database.summaries.delete_many({})
    await database.readings.insert_one(reading("A", NOON + HOUR))
    await catch_up.begin(database, NOON + DAY, 30 * DAY)

    assert await leap_of(database, [], 30 * DAY)(NOON) == NOON
