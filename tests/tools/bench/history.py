"""How fast history is answered: `uv run python -m tests.tools.bench.history [--json]`.

One item at 1 Hz in the embedded database: a day of last year, which is packed, and 30 days of hours as the
rollup job computes them, of which only the last ones have their readings: to store 2.5 million would take a
quarter of an hour. Server and client are this process, the database is another. The processor time of both is
shown too: it depends less on what else the machine does.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import quantiles
from time import monotonic, process_time
from typing import cast

import faust
from aiohttp import hdrs
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from faust.web.drivers.aiohttp import Web
from msgspec.structs import replace
from pydantic import SecretStr

from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.packed.hours import add_readings
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import HOUR, SECOND
from iss_agents.archive.rollups.day_job import compute_day, stale_days
from iss_agents.archive.rollups.days import day_of, mark_days
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, hours_of, mark, summary_of
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.minutes import Minute, MinuteAggregator
from iss_agents.archive.rollups.weighting import NO_GAPS
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
YEAR = timedelta(days=365)
DAY_HOURS = 24
DAYS = 30
WITH_READINGS = 2
"""How many whole hours before this one have their readings."""

BATCH = 1000
REPEATS = 20


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
    figures = await _fill(database, now)
    database.client.close()
    context = WorkerContext(settings, history=History(settings))
    app = faust.App("bench", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, context)
    app.web.init_server()
    async with TestClient(TestServer(cast(Web, app.web).web_app)) as client:
        for coding in ("identity", "gzip"):
            figures |= await _file(client, now, clock, coding)
        return figures | await _answers(client, now, clock)


async def _fill(database: Database, now: datetime) -> Figures:
    last_year = _hour_of(now - YEAR)
    for number in range(DAY_HOURS):
        await _pack(database, last_year + number * HOUR)
    say(f"{DAY_HOURS} hours of last year packed")
    first = _hour_of(now) - WITH_READINGS * HOUR
    figures = await _store(database, first, now)
    earlier = [_rolled_up(first - number * HOUR) for number in range(1, DAYS * DAY_HOURS + 1)]
    await database[SUMMARIES].insert_many(earlier)
    await mark_days(database, {day_of(ITEM, hour["hour"]) for hour in earlier})
    say(f"{len(earlier)} hours before them made, and {await _compute_days(database)} days of them")
    return figures


async def _compute_days(database: Database) -> int:
    days = await stale_days(database, datetime.now(UTC))
    return sum([await compute_day(database, day, "simulated", NO_GAPS) for day in days])


async def _pack(database: Database, start: int) -> None:
    await add_readings(database, Hour(ITEM, start), _documents(start, start + HOUR))


async def _store(database: Database, start: int, now: datetime) -> Figures:
    documents = _documents(start, milliseconds(now))
    for begin in range(0, len(documents), BATCH):
        await database.readings.insert_many(documents[begin : begin + BATCH], ordered=False)
    await mark(database, hours_of(documents), now)
    hours = await stale_hours(database, datetime.now(UTC))
    began = monotonic()
    for hour in hours:
        await compute_rollup(database, hour)
    seconds = monotonic() - began
    say(f"{len(documents)} readings stored, {len(hours)} hours of them rolled up")
    return {"roll_up_and_pack_an_hour_of_3600_readings_ms": 1000 * seconds / len(hours)}


def _documents(start: int, end: int) -> list[Document]:
    return [_document(time, number) for number, time in enumerate(range(start, end, SECOND))]


def _document(at: int, number: int) -> Document:
    time, value = from_milliseconds(at), f"{number % 1000 / 10:.1f}"
    came = time + timedelta(milliseconds=400 + number % 300)
    reading = new_reading(ITEM, time, value, ingest_ts=came, source="simulated", status_class="24")
    return reading_document(ArchivedMessage(RAW.name, 0, number, 0, encode(reading)))


def _rolled_up(start: int) -> Document:
    """Return the rollup that the job computes of an hour with the readings of every other, at its times."""
    minutes = [replace(minute, start=start + minute.start) for minute in _minutes()]
    hour = Hour(ITEM, start)
    identity = {"_id": hour.name, "item_id": ITEM, "hour": from_milliseconds(start), "marks": 1}
    return identity | summary_of(minutes, datetime.now(UTC)) | {"packed": 3600, "day_marks": 1}


@cache
def _minutes() -> list[Minute]:
    """Return the minutes of an hour from 1970 on."""
    aggregator = MinuteAggregator(ITEM, (), named=False)
    aggregator.add(_documents(0, HOUR))
    return aggregator.minutes()


def _hour_of(time: datetime) -> int:
    return milliseconds(time) // HOUR * HOUR


async def _file(client: Client, now: datetime, database_seconds: Clock, coding: str) -> Figures:
    path = f"/api/v1/telemetry?item={ITEM}&{_last_year(now)}&format=csv"
    headers = {hdrs.ACCEPT_ENCODING: coding}
    await (await client.get(f"{path}&limit=5000")).read()
    before, began, cpu, work = _peak(), monotonic(), process_time(), database_seconds()
    answer = await client.get(path, headers=headers)
    lines = 0
    async for chunk in answer.content.iter_any():
        lines += chunk.count(b"\n")
    figures = {
        "readings": lines - 1,
        "s": monotonic() - began,
        "cpu_of_server_and_client_s": process_time() - cpu,
        "database_cpu_s": database_seconds() - work,
        "memory_growth_mb": _peak() - before,
    }
    return {f"csv_{coding}_{name}": figure for name, figure in figures.items()}


def _last_year(now: datetime) -> str:
    start = from_milliseconds(_hour_of(now - YEAR))
    return f"from={_text(start)}&to={_text(start + timedelta(hours=DAY_HOURS))}"


async def _answers(client: Client, now: datetime, database_seconds: Clock) -> Figures:
    month = f"from={_text(now - timedelta(days=DAYS))}&to={_text(now)}"
    until = from_milliseconds(_hour_of(now - timedelta(minutes=10)))
    closed = f"from={_text(until - timedelta(days=DAYS))}&to={_text(until)}"
    questions = {
        "summary_30_days_500_points": f"/api/v1/telemetry/summary?item={ITEM}&{month}&points=500",
        "summary_30_days_500_points_closed_hours": (
            f"/api/v1/telemetry/summary?item={ITEM}&{closed}&points=500"
        ),
        "page_of_1000_last_year": f"/api/v1/telemetry?item={ITEM}&{_last_year(now)}&limit=1000",
        "page_of_1000_all_items_last_year": f"/api/v1/telemetry?{_last_year(now)}&limit=1000",
        "page_of_an_item_without_readings": f"/api/v1/telemetry?item=NODE3000004&{month}",
        "page_of_1000_last_hour": f"/api/v1/telemetry?item={ITEM}&limit=1000",
    }
    figures: Figures = {}
    for name, path in questions.items():
        say(f"{REPEATS} times {path}")
        work, cpu = database_seconds(), process_time()
        times = [await _milliseconds(client, path) for _ in range(REPEATS)]
        figures |= {f"{name}_p50_ms": quantiles(times, n=20)[9], f"{name}_p95_ms": quantiles(times, n=20)[18]}
        figures[f"{name}_cpu_ms"] = 1000 * (process_time() - cpu) / REPEATS
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
