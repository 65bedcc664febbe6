"""Five days with readings, how their rollups are computed, and what is answered by them."""

from datetime import datetime
from time import monotonic

from iss_agents.archive.mongo import Database
from iss_agents.archive.rollups import day_runs
from iss_agents.archive.rollups.buckets import DAY, HOUR
from iss_agents.archive.rollups.day_job import (
    compute_or_postpone_day,
    gaps_of_days,
    stale_days,
)
from iss_agents.archive.rollups.query import answer
from iss_agents.archive.rollups.segments import Question
from tests.archive.rollups.test_parts import weighed
from tests.archive.rollups.two_days import ITEM, NOW, TODAY, reading, store, summarise_all

DAYS_THERE = 5
FIRST = TODAY // DAY * DAY - DAYS_THERE * DAY
STATES = "NODE3000004"
"""Item whose numbers name states."""


async def compute_days(database: Database, now: datetime = NOW) -> list[bool]:
    if not (days := await stale_days(database, now)):
        return []
    gaps_of = await gaps_of_days(database, days, "simulated")
    return [
        await compute_or_postpone_day(database, day, "simulated", gaps_of(day["item_id"], "simulated"))
        for day in days
    ]


async def used_days(database: Database, question: Question) -> int:
    """Return how many days of a span answer for themselves."""
    runs = day_runs.day_runs(database, question, TODAY // HOUR * HOUR, monotonic() + 30)
    return sum([(run.end - run.start) // DAY async for run in runs if run.buckets is not None])


async def answers(database: Database, questions: list[Question]) -> list[list[tuple[object, ...]]]:
    return [
        [weighed(bucket) for bucket in await answer(database, question, "5", NOW, 60)] for question in questions
    ]


async def three_readings_a_day(database: Database) -> Question:
    """Store readings in three hours of each day, and compute the days; return a question for all of them."""
    times = range(FIRST, FIRST + DAYS_THERE * DAY, 8 * HOUR)
    await store(database, [reading(time, "1", f"{time}") for time in times])
    await summarise_all(database)
    assert await compute_days(database) == [True] * DAYS_THERE
    return Question(ITEM, "simulated", FIRST, FIRST + DAYS_THERE * DAY, DAY, TODAY)


async def counts(database: Database, question: Question) -> list[int]:
    return [bucket.count for bucket in await answer(database, question, None, NOW, 30)]
