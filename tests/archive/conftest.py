"""A database whose faults can be ordered, and an archive that begins at the end of every topic."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError
from pydantic import SecretStr

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.mongo import Database, connect
from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database as EmbeddedDatabase
from iss_agents.local_stack.ports import free_port
from tests.archive.expiry import close
from tests.archive.kafka import set_to_end


@pytest.fixture(scope="session")
def fault_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`mongodb://…` of a database that takes `configureFailPoint`."""
    faulty = EmbeddedDatabase(tmp_path_factory.mktemp("faults"), free_port(), faults=True)
    program = faulty.start()
    try:
        program.wait_until(faulty.ready)
        yield faulty.url
    finally:
        program.stop()


@pytest.fixture
async def settings(kafka_url: str, fault_url: str) -> Settings:
    """Settings of an archive with an empty database, its group at the end of every topic."""
    settings = Settings(
        kafka_url=kafka_url,
        mongo_url=SecretStr(fault_url),
        mongo_database=f"t{uuid4().hex}",
        # Readings here are old, and would be removed in the midst of a test.
        retention_days=0,
        summary_days=0,
    )
    await _create_topics(settings)
    await set_to_end(settings)
    return settings


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    yield database
    await close(database)


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers, linger_ms=5) as producer:
        yield producer


async def _create_topics(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()
    try:
        topics = [NewTopic(row.topic.name, row.topic.partitions, 1) for row in DESTINATIONS.values()]
        await admin.create_topics(topics)
    except TopicAlreadyExistsError:
        return
    finally:
        await admin.close()
