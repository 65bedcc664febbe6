"""The pages of a worker without Kafka and database, which start at once and show what a test fills in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import faust
from faust.web.drivers.aiohttp import Web

from iss_agents.announcers.decision import Decision
from iss_agents.detection.events import Urination
from iss_agents.state_view.service import StateView
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import Source, encode
from iss_agents.telemetry.topics import DECISIONS, EVENTS
from tests.factories import ChangelogRecord, last_seen, reading_of, settings_for
from tests.web.conftest import WorkerServer
from web.base.context import WorkerContext
from web.routes import mount
from web.sse.broadcast import BROADCAST


class Views:
    """The views of a worker at `url`, over a state in which nothing happens by itself."""

    def __init__(self, server: WorkerServer, state: StateView, source: Source) -> None:
        self.url = str(server.make_url("")).rstrip("/")
        self._server, self._state, self._source = server, state, source

    def show(self, item_id: str, value: str, source_ts: datetime | None = None, **fields: Any) -> None:
        """Have the newest reading of an item be this one."""
        reading = reading_of(item_id, value, source_ts, source=self._source, **fields)
        self._state.replica.apply([last_seen(reading)])

    def show_use(self, use: Urination, decision: Decision) -> None:
        """Have somebody have used the toilet."""
        records = [(EVENTS, use), (DECISIONS, decision)]
        self._state.replica.apply([ChangelogRecord(topic.name, None, encode(said)) for topic, said in records])

    async def freeze(self) -> None:
        """Send nothing more, as a worker does that stands still; its connections stay open."""
        tasks = self._server.app[BROADCAST]._tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def viewed(source: Source = "isslive") -> AsyncIterator[Views]:
    """Serve the views until the block ends; the station's signal has just been acquired."""
    settings = settings_for("mongodb://127.0.0.1:1", source=source)
    state = StateView(settings)
    app = faust.App("test", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, WorkerContext(settings, publisher=cast(Any, None), state=state))
    app.web.init_server()
    server = WorkerServer(cast(Web, app.web).web_app)
    async with server:
        views = Views(server, state, source)
        views.show(SIGNAL_ITEM, "1", datetime.now(UTC))
        state.ready = True
        yield views
