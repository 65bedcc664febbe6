"""Buckets are what a fold over all believed readings gives, whatever has been summarised."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast

import pytest

from iss_agents.archive import retention, scan
from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, SECOND, WIDTHS, Bucket, merged, width_for
from iss_agents.archive.rollups.days import DAYS
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import SUMMARIES, DirtyHours, closed_before, hours_of, mark
from iss_agents.archive.rollups.job import RollupJob, compute_rollup
from iss_agents.archive.rollups.query import parts
from iss_agents.archive.rollups.segments import Question
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from tests.waiting import until

NOW = datetime(2026, 8, 11, 12, 20, tzinfo=UTC)
TODAY = milliseconds(NOW)
FIRST = milliseconds(datetime(2026, 8, 9, 22, 0, tzinfo=UTC))
ITEM = "NODE3000005"
WIDTHS_TRIED = [width for width in WIDTHS if width <= 2 * DAY]


def reading(time: int, value: str, name: str, **fields: object) -> Document:
    """Return a reading of the item at a time in milliseconds."""
    number = {"number": float(value)} if value.replace(".", "", 1).isdigit() else {}
    times = {"source_ts": from_milliseconds(time), "ingest_ts": from_milliseconds(time), "sequence": time}
    return {"_id": name, "item_id": ITEM, "value": value, "source": "simulated", **times, **number, **fields}


def some_readings(chance: random.Random, count: int) -> list[Document]:
    """Return readings of two days, in bursts, with silent hours, equal times, texts and suspect ones."""
    bursts = [chance.randrange(FIRST, TODAY) for _ in range(12)]
    edges = [bound + offset for bound in range(FIRST, TODAY, 5 * HOUR) for offset in (-1, 0, 1)]
    times = [chance.choice(bursts) + chance.randrange(20 * MINUTE) // 500 * 500 for _ in range(count)] + edges
    values = [chance.choice(["PUMPING", "2", f"{chance.uniform(0, 99):.3f}"]) for _ in times]
    suspects: list[dict[str, object]] = [{}, {}, {}, {"suspect": "frozen"}]
    return [
        reading(time, value, f"{chance.getrandbits(64):x}", **chance.choice(suspects), **some_offset(chance))
        for time, value in zip(times, values, strict=True)
    ]


def some_offset(chance: random.Random) -> dict[str, int]:
    """Return an offset, or none, as of a reading that was stored before there were any."""
    return {"offset": chance.randrange(100)} if chance.random() < 0.8 else {}


def folded(documents: list[Document], start: int, end: int, width: int) -> list[Bucket]:
    """Return what a fold over the readings gives."""
    inside = [one for one in documents if start <= one["sequence"] < end and "suspect" not in one]
    buckets: dict[int, list[Document]] = {}
    for one in sorted(inside, key=lambda one: Position.of(one, "sequence")):
        buckets.setdefault(one["sequence"] // width * width, []).append(one)
    return [_bucket(begin, content) for begin, content in buckets.items()]


def _bucket(start: int, content: list[Document]) -> Bucket:
    numbers = [one["number"] for one in content if "number" in one]
    low, high = min(numbers, default=None), max(numbers, default=None)
    return Bucket(start, len(content), len(numbers), low, high, sum(numbers), content[-1]["value"])


async def asked(database: Database, start: int, end: int, width: int, now: datetime = NOW) -> list[Bucket]:
    question = Question(ITEM, "simulated", start, end, width, until=end)
    fine = [
        bucket async for part in parts(database, question, now, monotonic() + 5) for bucket, *_ in part.fine
    ]
    return merged(fine, width)


def rounded(buckets: list[Bucket]) -> list[tuple[object, ...]]:
    """Return the buckets with sums that do not show the order of adding."""
    return [
        (one.start, one.count, one.numbers, one.min, one.max, round(one.sum, 6), one.last) for one in buckets
    ]


async def store(database: Database, documents: list[Document]) -> None:
    """Store readings as the archive does: insert, then mark."""
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), NOW - timedelta(days=1))


async def summarise_all(database: Database, now: datetime = NOW) -> None:
    for hour in await stale_hours(database, now):
        assert await compute_rollup(database, hour)


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
