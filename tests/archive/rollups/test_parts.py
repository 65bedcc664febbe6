"""A long span is answered in parts, with the minutes of few hours, and the answer is the same."""

import random
from time import monotonic

import pytest
from pydantic import SecretStr

from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.rollups import query
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE
from iss_agents.archive.rollups.query import answer, parts
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import Gaps, WeightedBucket
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import from_milliseconds
from tests.archive.answering import Command, answering
from tests.archive.rollups.two_days import FIRST, ITEM, NOW, TODAY, reading, store, summarise_all

WIDTHS = (MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY)


def weighed(bucket: WeightedBucket) -> tuple[object, ...]:
    """Return a bucket whose mean does not show the order of adding."""
    mean = None if bucket.mean is None else round(bucket.mean, 9)
    return bucket.start, bucket.count, bucket.min, bucket.max, mean, bucket.last, bucket.shares


def some_gaps(chance: random.Random) -> Gaps:
    """Return gaps of seconds to hours, some of which end with an hour."""
    starts = [chance.randrange(FIRST, TODAY) for _ in range(6)]
    lengths = [chance.choice([7_000, 5 * MINUTE, 90 * MINUTE]) for _ in starts]
    whole = [(start // HOUR * HOUR, start // HOUR * HOUR + HOUR) for start in starts[:2]]
    return Gaps([*((start, start + length) for start, length in zip(starts, lengths, strict=True)), *whole])


async def note_gaps(database: Database, gaps: Gaps, first: int = FIRST - DAY) -> None:
    await database.gaps.insert_many(
        {"_id": f"{start}", "source": "simulated", "cause": "los"}
        | {"start": from_milliseconds(start), "end": from_milliseconds(end)}
        for start, end in gaps.inside(first, TODAY + DAY)
    )


@pytest.mark.parametrize("seed", range(3))
async def test_rollups_read_in_parts_weigh_what_the_readings_do(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(query, "HOURS_AT_ONCE", 3)
    chance = random.Random(seed)
    times = sorted({chance.randrange(FIRST, TODAY) for _ in range(200)})
    # Quarters have exact sums.
    documents = [reading(time, f"{chance.randrange(400) / 4}", f"{time}") for time in times]
    await store(database, documents)
    known = some_gaps(chance)
    await note_gaps(database, known)
    await summarise_all(database)
    assert await database.summaries.count_documents({"observed": {"$ne": None}, "stale": False}) > 2
    await store(database, [reading(time + 1, "7", f"{time} late") for time in times[::40]])

    for _ in range(12):
        start, end = sorted(chance.sample(range(FIRST - DAY, TODAY + HOUR), 2))
        if chance.random() < 0.5:
            start, end = start // HOUR * HOUR, end // HOUR * HOUR + HOUR
        gaps = chance.choice([known, known, some_gaps(chance)])
        rolled_up = Question(ITEM, "simulated", start, end, chance.choice(WIDTHS), end, gaps)
        of_readings = rolled_up._replace(rolled_up=False)
        answers = [await answer(database, each, "5", NOW, 60) for each in (rolled_up, of_readings)]
        assert [weighed(one) for one in answers[0]] == [weighed(one) for one in answers[1]], rolled_up


async def test_minutes_are_fetched_only_of_hours_that_are_cut(settings: Settings, database: Database) -> None:
    known, unknown = ((FIRST + hour * HOUR + MINUTE, FIRST + hour * HOUR + 2 * MINUTE) for hour in (10, 20))
    await note_gaps(database, Gaps([known]))
    await store(database, [reading(FIRST + number * HOUR, "1", f"{number}") for number in range(30)])
    await summarise_all(database)
    asked: list[Document] = []

    async def record(command: Command) -> Document | None:
        # Those with `stale` ask which days have a dirty hour.
        if command.fields.get("find") == "summaries" and command.fields["filter"].keys() == {"item_id", "hour"}:
            asked.append(command.fields)
        return None

    question = Question(ITEM, "simulated", FIRST + MINUTE, FIRST + 30 * HOUR, HOUR, TODAY)
    silent = Gaps([known, unknown])
    async with answering(settings.mongo_url.get_secret_value(), record) as url:
        proxied = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        async for _ in parts(proxied, question._replace(gaps=silent), NOW, monotonic() + 30):
            pass
        proxied.client.close()

    coarse, *fine = [(one["filter"]["hour"], one["projection"]) for one in asked]
    assert coarse[1] == query.AS_A_WHOLE
    assert [(within["$lt"] - within["$gte"]).total_seconds() for within, _ in fine] == [3600, 3600]
    assert [projection for _, projection in fine] == [query.WITHOUT_IDS] * 2
