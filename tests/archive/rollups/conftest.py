"""Settings and database of rollups, which need no Kafka."""

from collections.abc import AsyncIterator

import pytest

from iss_agents.archive.mongo import Database, connect
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.config.settings import Settings
from tests.archive.rollups.two_days import NOW
from tests.factories import settings_for


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    """Settings of one test, whose database is empty."""
    return settings_for(mongo_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database that keeps its readings, and whose backfill has begun."""
    database = connect(settings)
    await prepare(database, settings)
    await backfill.begin(database, NOW)
    yield database
    database.client.close()
