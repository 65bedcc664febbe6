"""The real parts that tests share: each is started once per run, on free ports, in a temporary folder."""

from collections.abc import AsyncIterator, Iterator

import pytest

from iss_agents.embedded.database import Database
from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import Kafka
from iss_agents.embedded.place import free_port
from iss_agents.settings import load_settings
from iss_agents.simulator.station import Station
from tests.announcers.fake_x import FakeX


@pytest.fixture(scope="session")
def kafka_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a real Apache Kafka; its jars are kept in the home of the settings between runs."""
    kafka = Kafka(tmp_path_factory.mktemp("kafka"), free_port())
    program = kafka.start(jar_folder(load_settings().home))
    try:
        program.wait_until(kafka.ready)
        yield kafka.url
    finally:
        program.stop()


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`mongodb://…` of a real database that speaks MongoDB's protocol."""
    database = Database(tmp_path_factory.mktemp("database"), free_port())
    program = database.start()
    try:
        program.wait_until(database.ready)
        yield database.url
    finally:
        program.stop()


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    """A simulated station on a free port that sends only what the test publishes and pushes."""
    quiet = await Station().start()
    yield quiet
    await quiet.stop()


@pytest.fixture
async def fake_x() -> AsyncIterator[FakeX]:
    """A server on a free port that answers like X until it is told otherwise."""
    server = await FakeX().start()
    yield server
    await server.stop()
