"""A database that keeps its readings; packing needs no Kafka."""

from collections.abc import AsyncIterator

import pytest

from iss_agents.archive.mongo import Database, connect
from iss_agents.archive.retention import prepare
from iss_agents.config.settings import Settings
from tests.archive.expiry import close
from tests.factories import settings_for


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    """Settings of one test, whose database is empty."""
    return settings_for(mongo_url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    await prepare(database, settings)
    yield database
    await close(database)
