from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from tests.secure.broker import SecureKafka


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A Kafka that wants TLS and a user, and gives nobody any rights."""
    with SecureKafka.running(tmp_path_factory.mktemp("secure")) as kafka:
        yield kafka


@pytest.fixture
def secured(mongo_url: str) -> Iterator[Collection[dict[str, Any]]]:
    """The archived readings of one test, in a database of its own."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, tz_aware=True)
    yield client[f"secure_{uuid4().hex[:8]}"]["readings"]
    client.close()
