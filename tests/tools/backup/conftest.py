"""Two empty databases: one that is backed up, and one that is restored to."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from iss_agents.archive.mongo import Database, connect
from iss_agents.config.settings import Settings
from tests.archive.expiry import close


@pytest.fixture
def elsewhere(settings: Settings) -> Settings:
    """The same with another empty database."""
    return settings.model_copy(update={"mongo_database": f"r{uuid4().hex}"})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    yield database
    await close(database)


@pytest.fixture
async def restored(elsewhere: Settings) -> AsyncIterator[Database]:
    database = connect(elsewhere)
    yield database
    await close(database)
