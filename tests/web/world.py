"""A worker's views with something of everything to show, on a server in a thread of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, cast

import faust
from aiohttp.web import AppRunner, TCPSite

from iss_agents.announcers.decision import Announcement, Cooldown, Decision
from iss_agents.archive.mongo import connect
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.config.settings import Settings
from iss_agents.detection.events import UnobservedRise
from iss_agents.local_stack.ports import free_port
from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import Gap, encode
from iss_agents.telemetry.topics import DECISIONS, EVENTS, GAPS, RAW, TWEET_COOLDOWNS_CHANGELOG
from tests.factories import ChangelogRecord, last_seen, reading_of, settings_for, urination
from tests.web.archived import store
from tests.web.conftest import Offers
from web.base.context import WorkerContext
from web.edge.server import Server
from web.routes import mount

NOW = datetime.now(UTC)
READINGS = [
    reading_of("NODE3000005", "37", NOW - timedelta(minutes=2)),
    reading_of("NODE3000005", "43.5", NOW - timedelta(minutes=1), snapshot=True),
    reading_of("NODE3000004", "32", NOW - timedelta(minutes=1), status_class=None, session=7),
    reading_of("NODE3000009", "0", NOW, suspect="zero_burst", calibrated_data="0", status_indicator=" "),
    reading_of("TIME_000001", "19276068000", NOW),
    reading_of("NODE3000005", "99", NOW - timedelta(seconds=30), source="test"),
]
GAP = Gap(schema_version=1, gap_id="los-1", cause="los", start=NOW - timedelta(minutes=9), end=NOW)
LASTING = Gap(schema_version=1, gap_id="outage-1", cause="outage", start=NOW - timedelta(minutes=5), detail="x")
USE = urination("a1", detected_at=NOW - timedelta(minutes=1), source="simulated", reading_ids=("r1", "r2"))
RISE = UnobservedRise(
    schema_version=1,
    event_id="b2",
    start=NOW - timedelta(minutes=30),
    end=NOW - timedelta(minutes=20),
    detected_at=NOW - timedelta(minutes=20),
    level_before=10,
    level_after=37,
    delta_percent=27,
    processor_running=False,
    readings=2,
    source="simulated",
)
DECISION = Decision(
    schema_version=1,
    event_id="a1",
    decision="dry_run",
    decided_at=NOW,
    detected_at=USE.detected_at,
    text="A use.",
    source="simulated",
    announcements=(
        Announcement(announcer="x", outcome="dry_run", attempts=0),
        Announcement(announcer="webhook", outcome="posted", attempts=1, post_id="1", error="late"),
    ),
    reading_ids=USE.reading_ids,
)
COOLDOWN = Cooldown(sequence=1, event_id="a1", until=NOW + timedelta(minutes=4))
KNOWN = {"item_id": "NODE3000005", "name": "last_seen", "key": "NODE3000005", "event_id": "a1"}
"""What the parameters in a path may be here."""


async def filled(settings: Settings) -> WorkerContext:
    """Return the parts of a worker that has seen a reading, a gap, a use, a rise and a decision."""
    database = connect(settings)
    await prepare(database, settings)
    await backfill.begin(database, NOW)
    database.client.close()
    await store(settings, RAW, READINGS)
    await store(settings, GAPS, [GAP, LASTING])
    await store(settings, EVENTS, [USE, RISE])
    await store(settings, DECISIONS, [DECISION])
    state = StateView(settings)
    cooldown = ChangelogRecord(TWEET_COOLDOWNS_CHANGELOG.name, encode("simulated"), encode(COOLDOWN))
    state.replica.apply([*map(last_seen, READINGS), cooldown])
    state.ready = True
    return WorkerContext(settings, publisher=cast(Any, Offers()), state=state, history=History(settings))


@contextmanager
def world(mongo_url: str) -> Iterator[str]:
    """Serve a filled worker, and give its address, for as long as the block runs."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        runner, address = asyncio.run_coroutine_threadsafe(_serve(mongo_url), loop).result(30)
        yield address
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(mongo_url: str) -> tuple[AppRunner, str]:
    app = faust.App("test", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    mount(app, await filled(settings_for(mongo_url)))
    app.web.init_server()
    runner = cast(Server, app.web)._runner
    await runner.setup()
    port = free_port()
    await TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{port}"
