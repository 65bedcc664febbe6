"""Two empty databases: one that is backed up, and one that is restored to."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.archive.database import Database, connect
from iss_agents.settings import Settings


@pytest.fixture
def settings(mongo_url: str) -> Settings:
    """Settings with an empty database in which nothing expires."""
    return Settings(
        _env_file=None,
        mongo_url=SecretStr(mongo_url),
        mongo_database=f"b{uuid4().hex}",
        retention_days=0,
        summary_days=0,
    )


@pytest.fixture
def elsewhere(settings: Settings) -> Settings:
    """The same with another empty database."""
    return settings.model_copy(update={"mongo_database": f"r{uuid4().hex}"})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    yield database
    database.client.close()


@pytest.fixture
async def restored(elsewhere: Settings) -> AsyncIterator[Database]:
    database = connect(elsewhere)
    yield database
    database.client.close()
