import atexit
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from pymongo import MongoClient
from pymongo.collection import Collection

from iss_agents.config.settings import load_settings
from iss_agents.local_stack import jars
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.simulator.station import Station
from tests.announcers.fake_x import FakeX
from tests.broker import new_broker
from tests.pipeline.bot import Bot


@cache
def formatted_storage() -> Path:
    """Return an empty storage that is formatted once for all brokers: Kafka's tool takes a second of a core."""
    folder = Path(mkdtemp(prefix="iss-kafka-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kafka = Kafka(folder, free_port())
    paths = jars.fetch(
        jars.locked_jars(jars.LOCK), jar_folder(load_settings().home), lambda _count, _total: None
    )
    kafka._format(os.pathsep.join(map(str, paths)))
    return folder / "data"


class Broker:
    """A Kafka of one test, which may stop and start it."""

    def __init__(self, folder: Path) -> None:
        self._kafka = new_broker(folder)
        self._data = folder / "data"
        self.url = self._kafka.url

    def start(self) -> None:
        if not self._data.exists() and type(self._kafka) is Kafka:
            shutil.copytree(formatted_storage(), self._data)
        self.program = self._kafka.start(jar_folder(load_settings().home))
        self.program.wait_until(self._kafka.ready)

    def stop(self) -> None:
        self.program.stop()

    def lose(self, partition: TopicPartition) -> None:
        """Remove all records of a partition, as a disk that was restored does. It must not run."""
        for segment in (self._data / f"{partition.topic}-{partition.partition}").glob("0*"):
            segment.unlink()


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
        "ISS_SOURCE": "simulated",
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
