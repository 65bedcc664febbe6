"""The doctor says whether readings of an earlier version are left, and until when."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.archive.mongo import Database, connect
from iss_agents.archive.retention import prepare
from iss_agents.archive.text_ids import note_text_ids
from iss_agents.config.settings import Settings
from iss_agents.tools.doctor.mongo import check_indexes
from tests.archive.expiry import close
from tests.factories import settings_for


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    return settings_for(mongo_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    yield database
    await close(database)


async def told(settings: Settings, **days: int) -> str:
    asked = settings.model_copy(update=days)
    return " ".join(finding.sentence for finding in await check_indexes(asked))


async def test_readings_with_text_ids_are_told_with_their_end(settings: Settings, database: Database) -> None:
    met = datetime(2026, 8, 11, 12, 30, tzinfo=UTC)
    nothing = await told(settings)
    await database.readings.insert_one({"_id": "0" * 64, "ingest_ts": datetime.now(UTC)})
    await note_text_ids(database, met)

    assert "earlier version" not in nothing
    assert "stored, before 2026-08-11 12:30 UTC, keep their larger ids, for ever like" in await told(settings)


@pytest.mark.parametrize(("age", "is_told"), [(timedelta(days=30), True), (timedelta(days=40), False)])
async def test_nothing_is_said_once_they_have_expired(
    settings: Settings, database: Database, age: timedelta, *, is_told: bool
) -> None:
    now = datetime.now(UTC)
    await database.readings.insert_one({"_id": "0" * 64, "ingest_ts": now})
    await note_text_ids(database, now - age)
    await prepare(database, settings)
    await database.readings.drop_index([("ingest_ts", 1)])
    await database.readings.create_index([("ingest_ts", 1)], expireAfterSeconds=35 * 86_400)

    sentence = f"the last of them expires by {now - age + timedelta(days=36):%Y-%m-%d}."
    assert (sentence in await told(settings, retention_days=35)) is is_told


async def test_an_index_that_is_not_needed_any_more_is_named(settings: Settings, database: Database) -> None:
    await database.readings.create_index([("source_ts", 1), ("_id", 1)])

    assert "still has the index of readings on source_ts, _id, which is not needed: start" in await told(
        settings
    )
