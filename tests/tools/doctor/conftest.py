"""A deployment of one test: a Kafka of its own, an empty database and a station, named by variables."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from iss_agents.config.settings import Settings
from iss_agents.simulator.station import Station
from tests.pipeline.conftest import Broker

TOKEN = "a token that nobody guesses"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    own = Broker(tmp_path / "kafka")
    own.start()
    yield own
    own.stop()


@pytest.fixture
def variables(
    broker: Broker, mongo_url: str, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The variables of a sound deployment, which are set."""
    values = {
        "ISS_HOME": str(tmp_path / "home"),
        "ISS_KAFKA_URL": broker.url,
        "ISS_MONGO_URL": mongo_url,
        "ISS_MONGO_DATABASE": f"doctor_{uuid4().hex[:8]}",
        "ISS_FEED_URL": station.url,
        "ISS_FEED": "always",
        "ISS_INGEST_TOKEN": TOKEN,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def settings(variables: dict[str, str]) -> Settings:
    return Settings(
        _env_file=None,
        home=Path(variables["ISS_HOME"]),
        kafka_url=variables["ISS_KAFKA_URL"],
        mongo_url=SecretStr(variables["ISS_MONGO_URL"]),
        mongo_database=variables["ISS_MONGO_DATABASE"],
    )
