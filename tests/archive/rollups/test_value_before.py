"""The value that held before a span, whatever of its readings is left."""

from collections.abc import AsyncIterator

import pytest

from iss_agents.archive.mongo import Database, connect
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE
from iss_agents.archive.rollups.query import answer
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.value_before import HeldValue, value_before
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.rollups.two_days import FIRST, ITEM, NOW, reading, store, summarise_all

QUERY_MS = 5_000


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    yield database
    database.client.close()


async def before(database: Database, time: int) -> HeldValue | None:
    return await value_before(database, ITEM, "simulated", time, QUERY_MS)


def held(time: int, value: str) -> HeldValue:
    return HeldValue(from_milliseconds(time), value)


async def test_the_last_reading_before_a_time_held_then(database: Database) -> None:
    early, late = FIRST + 5 * MINUTE + 1_234, FIRST + 50 * MINUTE + 57_123
    suspect = reading(late + MINUTE, "9", "c", suspect="frozen")
    await store(database, [reading(early, "1", "a"), reading(late, "2", "b"), suspect])

    for _ in range(2):
        assert await before(database, early) is None
        assert await before(database, early + 1) == held(early, "1")
        assert await before(database, late) == held(early, "1")
        assert await before(database, FIRST + 24 * HOUR) == held(late, "2")
        await summarise_all(database)


async def test_a_value_held_however_long_ago_it_was_measured(database: Database) -> None:
    await store(database, [reading(FIRST - HOUR, "1", "a"), reading(FIRST, "2", "b")])
    frozen = [reading(FIRST + hour * HOUR, "9", f"{hour}", suspect="frozen") for hour in (1, 30, 31)]
    await store(database, frozen)

    for days in (1, 2, 5, 21, 85, 400, 3650, 15_000):
        # The edges of the spans that are searched, and those of their first and last hours.
        for offset in (-HOUR, -1, 0, 1, HOUR):
            assert await before(database, FIRST + days * DAY + offset) == held(FIRST, "2")
    assert await before(database, FIRST) == held(FIRST - HOUR, "1")
    assert await before(database, FIRST - HOUR) is None


async def test_a_late_reading_that_is_left_hides_no_later_minute_of_its_hour(database: Database) -> None:
    times = {"1": FIRST + 5 * MINUTE, "2": FIRST + 50 * MINUTE}
    await store(database, [reading(time, value, value) for value, time in times.items()])
    await summarise_all(database)
    await database.readings.delete_one({"_id": "2"})

    assert await before(database, FIRST + HOUR) == held(times["2"], "2")
    assert await before(database, FIRST + 52 * MINUTE) == held(times["2"], "2")


async def test_a_rollup_of_an_older_version_is_weighed_by_its_minutes(database: Database) -> None:
    hour = FIRST + HOUR
    flapping = [(59 * MINUTE + second * 1_000, str(51 - second % 2)) for second in range(60)]
    readings = [(0, "50"), *flapping]
    await store(database, [reading(hour + time, value, f"{time}") for time, value in readings])
    await summarise_all(database)
    await database.summaries.update_many({}, {"$unset": {"integral": "", "minutes.integral": ""}})
    question = Question(ITEM, "simulated", hour, hour + HOUR, HOUR, until=hour + HOUR)
    [whole] = await answer(database, question, None, NOW, 5.0)

    assert whole.mean == pytest.approx(50.0083, abs=1e-4)
