"""Gaps that are stored after their days were computed: the days are computed with them, and answer."""

import pytest

from iss_agents.archive.mongo import Database
from iss_agents.archive.rollups.buckets import DAY, HOUR
from iss_agents.archive.rollups.day_job import compute_day, stale_days
from iss_agents.archive.rollups.days import DAYS, Day, mark_days
from iss_agents.archive.rollups.weighting import NO_GAPS, Gaps
from iss_agents.archive.sink import DeadLetters, store
from iss_agents.config.settings import Settings
from iss_agents.telemetry.records import SCHEMA_VERSION, Gap, encode
from iss_agents.telemetry.station_clock import from_milliseconds
from iss_agents.telemetry.topics import GAPS
from tests.archive.rollups.test_days import (
    DAYS_THERE,
    FIRST,
    answers,
    compute_days,
    three_readings_a_day,
    used_days,
)
from tests.archive.rollups.two_days import ITEM, NOW
from tests.web.archived import ArchivedMessage

LATE = (FIRST + DAY + HOUR, FIRST + 2 * DAY + HOUR)
"""Gap that touches the second and the third day."""


async def arrive(database: Database, settings: Settings, start: int, end: int) -> None:
    over = from_milliseconds(end)
    gap = Gap(
        schema_version=SCHEMA_VERSION,
        gap_id=f"{start}",
        cause="outage",
        start=from_milliseconds(start),
        end=over,
        source="simulated",
    )
    message = ArchivedMessage(GAPS.name, 0, 0, 0, encode(gap))
    await store(database, DeadLetters(settings), GAPS.name, [message])


async def test_days_of_a_late_gap_are_computed_with_it_and_answer(
    database: Database, settings: Settings
) -> None:
    question = (await three_readings_a_day(database))._replace(gaps=Gaps([LATE]))
    await arrive(database, settings, *LATE)

    assert await used_days(database, question) == DAYS_THERE - 2
    by_hours = await answers(database, [question])
    assert await compute_days(database) == [True, True]
    assert await used_days(database, question) == DAYS_THERE
    assert await answers(database, [question]) == by_hours


async def test_a_day_that_is_being_computed_without_the_gap_is_discarded(
    database: Database, settings: Settings
) -> None:
    await three_readings_a_day(database)
    await mark_days(database, {Day(ITEM, FIRST + DAY)})
    [day] = await stale_days(database, NOW)
    await arrive(database, settings, *LATE)

    assert not await compute_day(database, day, "simulated", NO_GAPS)


async def test_a_day_that_somebody_has_edited_does_not_stop_the_archive(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await three_readings_a_day(database)
    await database[DAYS].update_one({"day": from_milliseconds(FIRST + DAY)}, {"$set": {"marks": "many"}})
    await arrive(database, settings, *LATE)

    assert await database.gaps.count_documents({}) == 1
    assert not caplog.records
