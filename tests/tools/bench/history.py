"""How fast history is answered: `uv run python -m tests.tools.bench.history [--json]`.

One item at 1 Hz in the embedded database: a day of readings, summarised as in production, and before it 29 days
of which only the summaries are made: storing 2.5 million readings would take a quarter of an hour. Server and
client are this process, the database is another, whose processor time is shown too: it depends less on what
else the machine does.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from time import monotonic, process_time
from typing import cast

import faust
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from faust.web.drivers.aiohttp import Web
from pydantic import SecretStr

from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import HOUR, MINUTE, Bucket
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, hours_of, mark, summary_of
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database as Program
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.records import encode, new_reading
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.cpu_time import processor_seconds
from tests.web.archived import ArchivedMessage
from web.base.context import WorkerContext
from web.routes import mount

Client = TestClient[Request, Application]
Figures = dict[str, float]
Clock = Callable[[], float]

ITEM = "NODE3000005"
DAY_SECONDS = 86_400
DAYS = 30
BATCH = 5000
REPEATS = 10


def say(text: str) -> None:
    """Show progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for the terminal


async def main() -> Figures:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder), free_port())
        program.start().wait_until(program.ready)
        try:
            settings = Settings(
                _env_file=None,
                mongo_url=SecretStr(program.url),
                kafka_url="127.0.0.1:1",
                # That of the readings: without it, nothing would be found.
                source="simulated",
            )
            return await _measured(settings, lambda: _processor_seconds(program))
        finally:
            if program.program:
                program.program.stop()


async def _measured(settings: Settings, clock: Clock) -> Figures:
    now = datetime.now(UTC)
    database = connect(settings)
    await prepare(database, settings)
    await backfill.begin(database, now)
    figures = await _fill(database, now - timedelta(seconds=DAY_SECONDS))
    database.client.close()
    context = WorkerContext(settings, history=History(settings))
    app = faust.App("bench", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, context)
    app.web.init_server()
    async with TestClient(TestServer(cast(Web, app.web).web_app)) as client:
        return figures | await _csv(client, now, clock) | await _answers(client, now, clock)


async def _fill(database: Database, start: datetime) -> Figures:
    for begin in range(0, DAY_SECONDS, BATCH):
        numbers = range(begin, min(begin + BATCH, DAY_SECONDS))
        documents = [_document(start + timedelta(seconds=number), number) for number in numbers]
        await database.readings.insert_many(documents, ordered=False)
        await mark(database, hours_of(documents), datetime.now(UTC))
        say(f"{numbers[-1] + 1} of {DAY_SECONDS} readings stored")
    hours = await stale_hours(database, datetime.now(UTC))
    began = monotonic()
    for hour in hours:
        await compute_rollup(database, hour)
    seconds = monotonic() - began
    first = milliseconds(start) // HOUR * HOUR
    earlier = [_generated(first - number * HOUR) for number in range(1, DAYS * 24 - 23)]
    await database[SUMMARIES].insert_many(earlier)
    say(f"{len(hours)} hours summarised, {len(earlier)} made up")
    return {"summarise_an_hour_of_3600_readings_ms": 1000 * seconds / len(hours)}


def _document(time: datetime, number: int) -> Document:
    value = f"{number % 1000 / 10:.1f}"
    reading = new_reading(ITEM, time, value, ingest_ts=time, source="simulated", status_class="24")
    return reading_document(ArchivedMessage(RAW.name, 0, 0, 0, encode(reading)))


def _generated(start: int) -> Document:
    hour = Hour(ITEM, start)
    minutes = [Bucket(start + minute * MINUTE, 60, 60, 1.5, 99.5, 3000.5, "42.0") for minute in range(60)]
    identity = {"_id": hour.name, "item_id": ITEM, "hour": from_milliseconds(start), "marks": 1}
    return identity | summary_of(minutes, datetime.now(UTC))


async def _csv(client: Client, now: datetime, database_seconds: Clock) -> Figures:
    span = f"from={_text(now - timedelta(seconds=DAY_SECONDS))}&to={_text(now)}"
    await (await client.get(f"/api/v1/telemetry?item={ITEM}&{span}&format=csv&limit=5000")).read()
    before, began, cpu, work = _peak(), monotonic(), process_time(), database_seconds()
    answer = await client.get(f"/api/v1/telemetry?item={ITEM}&{span}&format=csv")
    lines = 0
    async for chunk in answer.content.iter_any():
        lines += chunk.count(b"\n")
    return {
        "csv_readings": lines - 1,
        "csv_s": monotonic() - began,
        "csv_cpu_of_server_and_client_s": process_time() - cpu,
        "csv_database_cpu_s": database_seconds() - work,
        "csv_memory_growth_mb": _peak() - before,
    }


async def _answers(client: Client, now: datetime, database_seconds: Clock) -> Figures:
    month = f"from={_text(now - timedelta(days=DAYS))}&to={_text(now)}"
    questions = {
        "summary_30_days_500_points": f"/api/v1/telemetry/summary?item={ITEM}&{month}&points=500",
        "summary_30_days_5000_points": f"/api/v1/telemetry/summary?item={ITEM}&{month}&points=5000",
        "page_of_1000_after_29_silent_days": f"/api/v1/telemetry?item={ITEM}&{month}&limit=1000",
        "page_of_1000_all_items_after_29_silent_days": f"/api/v1/telemetry?{month}&limit=1000",
        "page_of_an_item_without_readings": f"/api/v1/telemetry?item=NODE3000004&{month}",
        "page_of_1000_last_hour": f"/api/v1/telemetry?item={ITEM}&limit=1000",
    }
    figures: Figures = {}
    for name, path in questions.items():
        say(f"{REPEATS} times {path}")
        work = database_seconds()
        times = [await _milliseconds(client, path) for _ in range(REPEATS)]
        figures |= {f"{name}_p50_ms": quantiles(times, n=20)[9], f"{name}_p95_ms": quantiles(times, n=20)[18]}
        figures[f"{name}_database_cpu_ms"] = 1000 * (database_seconds() - work) / REPEATS
    return figures


async def _milliseconds(client: Client, path: str) -> float:
    began = monotonic()
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    await answer.read()
    return 1000 * (monotonic() - began)


def _processor_seconds(program: Program) -> float:
    assert program.program
    assert program.program.pid
    return processor_seconds(program.program.pid)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = arguments.parse_args().json
    measured = asyncio.run(main())
    lines = [f"{name:50} {value:10.1f}" for name, value in measured.items()]
    print(json.dumps(measured) if as_json else "\n".join(lines))  # noqa: T201 - a program for the terminal
