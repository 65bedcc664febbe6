"""Buckets are what a fold over all believed readings gives, whatever has been summarised."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from iss_agents.archive import retention, scan
from iss_agents.archive.mongo import Database
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, SECOND, WIDTHS, width_for
from iss_agents.archive.rollups.days import DAYS
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import SUMMARIES, closed_before, hours_of
from iss_agents.archive.rollups.job import RollupJob
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.rollups.two_days import (
    FIRST,
    ITEM,
    NOW,
    TODAY,
    WIDTHS_TRIED,
    asked,
    folded,
    reading,
    rounded,
    some_readings,
    store,
    summarise_all,
)
from tests.waiting import until


@pytest.mark.parametrize("seed", range(4))
async def test_any_span_in_any_width_is_what_a_fold_gives(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    documents = some_readings(chance, 400)
    summarised, late = documents[: -seed * 20 or None], documents[len(documents) - seed * 20 :]
    await store(database, summarised)
    await summarise_all(database)
    if late:
        await store(database, late)
    bounds = [FIRST - DAY, TODAY + HOUR, *(chance.randrange(FIRST, TODAY) for _ in range(8))]
    bounds += [bound // HOUR * HOUR for bound in bounds] + [bound // MINUTE * MINUTE for bound in bounds]

    for _ in range(40):
        start, end = sorted(chance.sample(bounds, 2))
        width = chance.choice(WIDTHS_TRIED)
        found = await asked(database, start, end, width)
        assert rounded(found) == rounded(folded(documents, start, end, width)), (start, end, width)


async def test_hours_and_minutes_are_not_folded_again(database: Database) -> None:
    documents = some_readings(random.Random(7), 300)
    await store(database, documents)
    await summarise_all(database)
    await database.readings.delete_many({})

    for width in (MINUTE, 5 * MINUTE, HOUR, DAY):
        start, end = FIRST + 7 * MINUTE, FIRST + 30 * HOUR + 20 * MINUTE
        assert rounded(await asked(database, start, end, width)) == rounded(
            folded(documents, start, end, width)
        )


async def test_an_hour_is_open_until_its_late_readings_have_come(database: Database) -> None:
    hour = TODAY // HOUR * HOUR
    await store(database, [reading(hour, "1", "a")])
    over = from_milliseconds(hour + HOUR + 5 * MINUTE)

    assert await stale_hours(database, over) == []
    [stale] = await stale_hours(database, over + timedelta(milliseconds=1))
    assert stale["hour"] == from_milliseconds(hour)


async def test_a_database_that_is_known_is_not_searched_for_readings(database: Database) -> None:
    class WithoutReadings:
        """A database in which to look at the readings is an error."""

        def __getitem__(self, name: str) -> object:
            assert name == SUMMARIES
            return database[name]

    await backfill.begin(cast("Database", WithoutReadings()), NOW + timedelta(days=1))

    assert await backfill.is_complete(database, 5000)


async def test_what_came_in_one_millisecond_does_not_stop_the_catching_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_DOCUMENTS", 2)
    await database.summaries.delete_many({})
    came = {"ingest_ts": from_milliseconds(TODAY - DAY)}
    await store(database, [reading(FIRST + number * HOUR, "1", f"{number}") | came for number in range(5)])
    await backfill.begin(database, NOW)

    async with asyncio.timeout(20):
        while await backfill.mark_next_window(database):
            pass
    assert await database.summaries.count_documents({"stale": True}) == 5


async def test_the_summariser_summarises_what_is_over_and_stops(settings: Settings, database: Database) -> None:
    documents = some_readings(random.Random(9), 50)
    await store(database, documents)
    summariser = RollupJob(settings)
    await summariser.start()
    await until(lambda: none_is_stale(database))
    await until(lambda: days_are_computed(database))
    await summariser.stop()

    assert await database.summaries.count_documents({"stale": False}) == len(hours_of(documents))


async def days_are_computed(database: Database) -> bool:
    days = await database[DAYS].find({"item_id": ITEM}).to_list(None)
    return [day["stale"] for day in days] == [False] * 3


async def none_is_stale(database: Database) -> bool:
    return not await database.summaries.count_documents({"stale": True})


async def test_hours_expire_after_they_were_summarised_and_stale_ones_never(
    database: Database, settings: Settings
) -> None:
    asking = settings.model_copy(update={"summary_days": 3650})
    await retention.apply(database, await retention.retentions(database, asking))
    await store(database, [reading(FIRST, "1", "a")])
    stale = await database.summaries.find_one({"item_id": ITEM})
    await summarise_all(database)
    summarised = await database.summaries.find_one({"item_id": ITEM})
    made = await database.summaries.index_information()

    assert stale is not None
    assert summarised is not None
    assert ("summarised_at" in stale, summarised["summarised_at"].tzinfo is not None) == (False, True)
    assert made["summarised_at_1"]["expireAfterSeconds"] == 3650 * 24 * 3600


@pytest.mark.parametrize(
    ("span", "points", "width"),
    [
        (0, 1, SECOND),
        (HOUR, 3600, SECOND),
        (HOUR, 500, 10 * SECOND),
        (6 * HOUR, 5000, 5 * SECOND),
        (6 * HOUR + 1, 5000, MINUTE),
        (30 * DAY, 500, 2 * HOUR),
        (30 * DAY, 1, 200 * DAY),
    ],
)
def test_buckets_are_as_narrow_as_their_number_allows(span: int, points: int, width: int) -> None:
    start = datetime(2026, 8, 11, tzinfo=UTC)

    assert width_for(start, start + timedelta(milliseconds=span), points) == width


def test_all_of_time_fits_one_bucket() -> None:
    first, last = from_milliseconds(0), datetime(2100, 1, 1, tzinfo=UTC)

    assert width_for(first, last, 1) == WIDTHS[-1] == 50_000 * DAY
    assert last - first < timedelta(milliseconds=WIDTHS[-1])


def test_an_hour_is_closed_five_minutes_after_its_end() -> None:
    assert from_milliseconds(closed_before(NOW)) == datetime(2026, 8, 11, 11, 15, tzinfo=UTC)


async def test_numbers_beyond_all_measure_have_no_mean_and_no_error(database: Database) -> None:
    numbers = [1e308, 1e308, -1e308, 5.0]
    documents = [
        reading(FIRST + number * MINUTE, "1", f"{number}") | {"number": value}
        for number, value in enumerate(numbers)
    ]
    await store(database, documents)
    for _ in ("folded", "summarised"):
        [hour] = await asked(database, FIRST, FIRST + HOUR, HOUR)
        minutes = await asked(database, FIRST, FIRST + HOUR, MINUTE)
        assert (hour.count, hour.numbers, hour.min, hour.max, hour.mean) == (4, 4, -1e308, 1e308, None)
        assert [minute.mean for minute in minutes] == numbers
        await summarise_all(database)
