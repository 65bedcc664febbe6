from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.kafka import Kafka
from iss_agents.embedded.place import free_port
from iss_agents.settings import load_settings
from iss_agents.simulator.station import Station
from tests.announcers.fake_x import FakeX
from tests.pipeline.bot import Bot


class Broker:
    """A Kafka of one test, which may stop and start it."""

    def __init__(self, folder: Path) -> None:
        self._kafka = Kafka(folder, free_port())
        self.url = self._kafka.url

    def start(self) -> None:
        self.program = self._kafka.start(jar_folder(load_settings().home))
        self.program.wait_until(self._kafka.ready)

    def stop(self) -> None:
        self.program.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    own = Broker(tmp_path / "kafka")
    yield own
    if hasattr(own, "program"):
        own.stop()


@pytest.fixture
def readings(mongo_url: str) -> Iterator[Collection[dict[str, Any]]]:
    """The archived readings of one test, in a database of its own."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, tz_aware=True)
    yield client[f"pipeline_{uuid4().hex[:8]}"]["readings"]
    client.close()


@pytest.fixture
def environment(broker: Broker, mongo_url: str, readings: Collection[dict[str, Any]]) -> dict[str, str]:
    """What a worker needs to know of its Kafka and its database."""
    return {
        "ISS_KAFKA_URL": broker.url,
        "ISS_MONGO_URL": mongo_url,
        "ISS_MONGO_DATABASE": readings.database.name,
        "ISS_FEED": "always",
        "ISS_INGEST_TOKEN": "secret",
    }


@pytest.fixture
def bot(
    broker: Broker,
    station: Station,
    fake_x: FakeX,
    readings: Collection[dict[str, Any]],
    environment: dict[str, str],
    tmp_path: Path,
) -> Bot:
    """The bot of one test, whose Kafka runs."""
    broker.start()
    return Bot(station, fake_x, readings.database, environment, tmp_path)
