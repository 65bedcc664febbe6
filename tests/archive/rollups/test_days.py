"""Days answer what their hours do, at every moment and wherever a job ends."""

import random
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, connect
from iss_agents.archive.rollups import day_job
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE
from iss_agents.archive.rollups.day_job import (
    RETRY_DELAY,
    compute_day,
    stale_days,
)
from iss_agents.archive.rollups.days import DAYS, Day, mark_days
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import NO_GAPS, Gaps
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.answering import Answer, Command, answering
from tests.archive.rollups.five_days import (
    DAYS_THERE,
    FIRST,
    STATES,
    answers,
    compute_days,
    counts,
    three_readings_a_day,
    used_days,
)
from tests.archive.rollups.test_parts import note_gaps
from tests.archive.rollups.two_days import ITEM, NOW, TODAY, reading, store, summarise_all


def some_gaps(chance: random.Random) -> Gaps:
    """Return gaps of seconds to more than a day, one of which ends with a day."""
    starts = [chance.randrange(FIRST - DAY, TODAY) for _ in range(6)]
    lengths = [chance.choice([7_000, 90 * MINUTE, 30 * HOUR]) for _ in starts]
    midnight = FIRST + 2 * DAY
    spans = [(start, start + length) for start, length in zip(starts, lengths, strict=True)]
    return Gaps([*spans, (midnight - HOUR, midnight)])


def some_readings(chance: random.Random, item: str) -> list[Document]:
    """Return readings in bursts, of which some days and many hours have none, and some are suspect."""
    bursts = [chance.randrange(FIRST, TODAY) for _ in range(9)]
    edges = [FIRST + number * DAY + offset for number in (0, 2, 4) for offset in (-1, 0, 1)]
    times = {chance.choice(bursts) + chance.randrange(3 * HOUR) for _ in range(80)} | {*edges}
    values = ["PUMPING", "2", "16", *(f"{chance.randrange(400) / 4}" for _ in range(5))]
    suspects: list[dict[str, object]] = [{}, {}, {}, {"suspect": "frozen"}]
    return [
        reading(time, chance.choice(values), f"{time}", item_id=item, **chance.choice(suspects))
        for time in sorted(times)
        if time < TODAY
    ]


def those_of(documents: list[Document], number: int) -> list[Document]:
    """Return the readings of a day."""
    return [each for each in documents if (each["sequence"] - FIRST) // DAY == number]


def some_questions(chance: random.Random, item: str, known: Gaps) -> list[Question]:
    questions = []
    for _ in range(10):
        start, end = sorted(chance.sample(range(FIRST - 2 * DAY, TODAY + HOUR), 2))
        if chance.random() < 0.5:
            start, end = start // DAY * DAY, end // DAY * DAY + DAY
        until = chance.choice([end, end, (start + end) // 2])
        gaps = chance.choice([known, known, known, some_gaps(chance)])
        width = chance.choice([HOUR, 2 * HOUR, 12 * HOUR, DAY, DAY, 2 * DAY, 10 * DAY])
        questions.append(Question(item, "simulated", start, end, width, until, gaps))
    return questions


@pytest.mark.parametrize(
    ("seed", "item"),
    [
        (0, ITEM),
        (1, STATES),
        pytest.param(2, STATES, marks=pytest.mark.long),
        pytest.param(3, ITEM, marks=pytest.mark.long),
    ],
)
async def test_answers_are_the_same_with_days_and_without(database: Database, seed: int, item: str) -> None:
    chance = random.Random(seed)
    documents = some_readings(chance, item)
    late, last = (those_of(documents, number)[::3] for number in (1, 3))
    known = some_gaps(chance)
    await note_gaps(database, known, FIRST - 2 * DAY)
    await store(database, [each for each in documents if each not in (*late, *last)])
    await summarise_all(database)
    await compute_days(database)
    # One day becomes stale, hours of another dirty, and of a third one an hour is lost.
    await store(database, late)
    await summarise_all(database)
    await store(database, last)
    of_first_day = {"hour": {"$gte": from_milliseconds(FIRST), "$lt": from_milliseconds(FIRST + DAY)}}
    await database.summaries.update_one(of_first_day, {"$set": {"lost": True}})
    await mark_days(database, {Day(item, FIRST)})
    for _ in range(seed % 2):
        await compute_days(database)
    # As an earlier version computed it, or computes it again.
    change: Document = {"$inc": {"marks": 1}} if seed % 2 else {"$unset": {"hours": ""}}
    await database[DAYS].update_one({"day": from_milliseconds(FIRST + 2 * DAY)}, change)
    questions = some_questions(chance, item, known)

    there = Question(item, "simulated", FIRST, TODAY, DAY, TODAY, known)
    by_days, by_hours = [await used_days(database, there._replace(width=width)) for width in (DAY, HOUR)]
    assert by_days > by_hours > 0
    with_days = await answers(database, questions)
    await database[DAYS].delete_many({})
    assert await used_days(database, there) == 0
    assert with_days == await answers(database, questions)


def failing(name: str, collection: str) -> Answer:
    async def answer(command: Command) -> Document | None:
        if command.fields.get(name) != collection:
            return None
        text = "interrupted at shutdown"
        return {"ok": 0.0, "errmsg": text, "code": 11600, "codeName": "InterruptedAtShutdown"}

    return answer


@pytest.mark.parametrize("collection", [DAYS, "summaries"], ids=["mark the day", "store the hour"])
async def test_a_job_that_ends_while_it_changes_an_hour_leaves_no_day_that_contradicts_it(
    database: Database, settings: Settings, collection: str
) -> None:
    question = await three_readings_a_day(database)
    await store(database, [reading(FIRST + DAY + 1, "2", "late")])
    [hour] = await stale_hours(database, NOW)
    expected = [3, 4, *[3] * (DAYS_THERE - 2)]
    async with answering(settings.mongo_url.get_secret_value(), failing("update", collection)) as url:
        proxied = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        with pytest.raises(DatabaseUnavailableError):
            await compute_rollup(proxied, hour)
        proxied.client.close()

    assert await counts(database, question) == expected
    # The hour is still dirty: its day waits for it.
    assert not any(await compute_days(database))
    assert await counts(database, question) == expected
    await summarise_all(database)
    assert await counts(database, question) == expected
    assert await compute_days(database, datetime.now(tz=NOW.tzinfo) + RETRY_DELAY) == [True]
    assert (await counts(database, question), await used_days(database, question)) == (expected, DAYS_THERE)


async def test_a_job_that_ends_before_it_stores_a_day_leaves_it_stale(
    database: Database, settings: Settings
) -> None:
    question = await three_readings_a_day(database)
    await mark_days(database, {Day(ITEM, FIRST)})
    [day] = await stale_days(database, NOW)
    async with answering(settings.mongo_url.get_secret_value(), failing("update", DAYS)) as url:
        proxied = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        with pytest.raises(DatabaseUnavailableError):
            await compute_day(proxied, day, "simulated", NO_GAPS)
        proxied.client.close()

    assert await stale_days(database, NOW) == [day]
    assert await counts(database, question) == [3] * DAYS_THERE


async def test_a_day_whose_hour_changes_while_it_is_computed_is_discarded(database: Database) -> None:
    question = await three_readings_a_day(database)
    await mark_days(database, {Day(ITEM, FIRST)})
    [day] = await stale_days(database, NOW)
    await store(database, [reading(FIRST + 1, "2", "late")])
    await summarise_all(database)

    assert not await compute_day(database, day, "simulated", NO_GAPS)
    assert await counts(database, question) == [4, *[3] * (DAYS_THERE - 1)]
    assert await compute_days(database) == [True]
    assert await counts(database, question) == [4, *[3] * (DAYS_THERE - 1)]


async def test_a_day_is_not_computed_before_it_is_over(database: Database) -> None:
    await three_readings_a_day(database)
    await store(database, [reading(TODAY // DAY * DAY, "1", "today")])
    await summarise_all(database)
    over = from_milliseconds(TODAY // DAY * DAY + DAY + 5 * MINUTE)

    assert await stale_days(database, over) == []
    assert len(await stale_days(database, over + timedelta(milliseconds=1))) == 1


async def test_stale_days_are_found_however_many_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_job, "MOST", 6)
    there = {Day(ITEM, FIRST - number * DAY) for number in range(30)}
    resting = {Day(STATES, day.start) for day in there}
    years_ago = Day(ITEM, FIRST - 3000 * DAY)
    await mark_days(database, there | {years_ago})
    await mark_days(database, resting, NOW + timedelta(hours=1))
    edited = {"stale": True, "day": from_milliseconds(FIRST)}
    await database[DAYS].insert_many([{"_id": 1, **edited}, {"_id": 2, **edited, "item_id": 5}])
    await database[DAYS].insert_one({"_id": 3, **edited, "item_id": ITEM, "rests_until": "soon"})

    found = await stale_days(database, NOW)

    assert [day["_id"] for day in found] == sorted(day.name for day in {*there, years_ago})
    monkeypatch.setattr(day_job, "AT_ONCE", 3)
    newest = [day["_id"] for day in await stale_days(database, NOW)]
    assert newest == [day["_id"] for day in found[-len(newest) :]]
    assert 3 <= len(newest) < 10


async def test_a_day_expires_with_its_first_hour_and_never_while_it_is_stale(
    database: Database,
) -> None:
    await three_readings_a_day(database)
    [first, *_] = await database.summaries.find({"item_id": ITEM}).sort("summarised_at", 1).to_list(None)
    days = await database[DAYS].find({"item_id": ITEM}).sort("day", 1).to_list(None)
    await mark_days(database, {Day(ITEM, FIRST)})
    stale = await database[DAYS].find_one({"item_id": ITEM, "stale": True})

    assert min(day["summarised_at"] for day in days) == first["summarised_at"]
    assert stale is not None
    assert "summarised_at" not in stale


async def test_days_of_one_source_do_not_answer_for_another(database: Database) -> None:
    question = await three_readings_a_day(database)

    assert await used_days(database, question._replace(source="isslive")) == 0
