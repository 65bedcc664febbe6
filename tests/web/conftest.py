"""A web server with the views of a worker whose parts a test chooses; nothing is started but the server."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import faust
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from faust.web.drivers.aiohttp import Web

from iss_agents.feed.outgoing import Outgoing
from iss_agents.parts import Parts
from iss_agents.records import Reading, encode, new_reading
from iss_agents.settings import Settings
from web.blueprints import mount
from web.state import StateView

Client = TestClient[Request, Application]

TOKEN = "correct horse"


class ChangelogRecord(NamedTuple):
    """A record of a topic that the state view follows."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


@dataclass
class Offers:
    """Stands in for the publisher: keeps what it is offered."""

    above_high_water: bool = False
    records: list[Outgoing] = field(default_factory=list)

    def offer(self, records: Sequence[Outgoing]) -> None:
        self.records.extend(records)


def last_seen(reading: Reading) -> ChangelogRecord:
    """Return the changelog record that keep_last_seen leaves for a reading."""
    value = {"reading": reading, "sequence": reading.sequence, "event_ids": [reading.event_id]}
    return ChangelogRecord("iss-agents-last_seen-changelog", encode(reading.item_id), encode(value))


def reading_of(item_id: str, value: str, source_ts: datetime | None = None, **fields: Any) -> Reading:
    """Return a simulated reading, taken now unless said otherwise, with a good status."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {"ingest_ts": now, "source": "simulated", "status_class": "24", **fields}
    return new_reading(item_id, source_ts or now, value, **known)


def problem(status: int, title: str, detail: str, **members: object) -> dict[str, object]:
    """Return the whole document that a problem should be."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}


@pytest.fixture
def settings() -> Settings:
    # Port 1 refuses: no view test needs Kafka.
    return Settings(_env_file=None, kafka_url="127.0.0.1:1", ingest_token=TOKEN)


@pytest.fixture
def offers() -> Offers:
    return Offers()


@pytest.fixture
def state(settings: Settings) -> StateView:
    return StateView(settings)


@pytest.fixture
def parts(settings: Settings, offers: Offers, state: StateView) -> Parts:
    return Parts(settings, publisher=cast(Any, offers), state=state)


@pytest.fixture
async def client(parts: Parts) -> AsyncIterator[Client]:
    app = faust.App("test", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, parts)
    app.web.init_server()
    async with TestClient(TestServer(cast(Web, app.web).web_app)) as client:
        yield client
