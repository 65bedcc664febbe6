"""A web server with the views of a worker whose parts a test chooses; nothing is started but the server."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import faust
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from faust.web.drivers.aiohttp import Web

from iss_agents.config.settings import Settings
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.state_view.service import StateView
from web.base.context import WorkerContext
from web.edge.server import Runner
from web.routes import mount

Client = TestClient[Request, Application]


@dataclass
class Offers:
    """Stands in for the publisher: keeps what it is offered."""

    above_high_water: bool = False
    records: list[ProducerRecord] = field(default_factory=list)

    def offer(self, records: Sequence[ProducerRecord]) -> None:
        self.records.extend(records)


def problem(status: int, title: str, detail: str, **members: object) -> dict[str, object]:
    """Return the whole document that a problem should be."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}


@pytest.fixture
def offers() -> Offers:
    return Offers()


@pytest.fixture
def state(settings: Settings) -> StateView:
    return StateView(settings)


@pytest.fixture
def context(settings: Settings, offers: Offers, state: StateView) -> WorkerContext:
    return WorkerContext(settings, publisher=cast(Any, offers), state=state)


class WorkerServer(TestServer):
    """A test's server that is made as a worker's is."""

    async def _make_runner(self, **settings: Any) -> Runner:
        return Runner(self.app, **settings)


@pytest.fixture
async def client(context: WorkerContext) -> AsyncIterator[Client]:
    app = faust.App("test", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, context)
    app.web.init_server()
    async with TestClient(WorkerServer(cast(Web, app.web).web_app)) as client:
        yield client
