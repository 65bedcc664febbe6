"""What a worker needs in production: Kafka and a database with TLS and users, a token for its readers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.process import Program
from iss_agents.simulator.model import station_model
from iss_agents.simulator.station import Station
from tests.secure.broker import SecureKafka
from tests.secure.database import SecureDatabase
from tests.secure.rights import grant_least_rights


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[SecureKafka]:
    """A Kafka of one test, with topics and a worker's rights; its program may be stopped."""
    own = SecureKafka(tmp_path / "kafka")
    own.certify()
    program = own.begin()
    await provision_topics(Settings(_env_file=None, kafka_url=own.url))
    await grant_least_rights(own.url)
    yield own
    program.stop()


@pytest.fixture
def database(tmp_path: Path) -> SecureDatabase:
    folder = tmp_path / "database"
    folder.mkdir()
    return SecureDatabase(folder)


@pytest.fixture
def database_program(database: SecureDatabase) -> Iterator[Program]:
    """The database of one test, which may be stopped."""
    program = database.begin()
    yield program
    program.stop()


@pytest.fixture
async def busy_station() -> AsyncIterator[Station]:
    """A station as `iss-agents simulate` runs it."""
    playing = await Station(station_model(rate=50)).start()
    yield playing
    await playing.stop()


@pytest.fixture
def environment(kafka: SecureKafka, database: SecureDatabase, database_program: Program) -> dict[str, str]:
    """What a worker needs to know of them, and that its readers must bring a token."""
    assert database_program.running
    closed = {"ISS_TRUSTED_PROXIES": "192.0.2.1", "ISS_READ_TOKEN": "for readers"}
    return kafka.variables() | database.variables() | closed
