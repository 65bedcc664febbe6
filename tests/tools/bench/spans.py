"""How fast plots are answered, by their span: `uv run python -m tests.tools.bench.spans [--plot PNG] [--json]`.

One item at 1 Hz in the embedded database: ten years of days; of the last year and of the oldest day the hours
with every minute; of the last two hours the readings. Server and client are this process, the database is
another. Beside the answers it shows how much a recorded reading takes on disk (`disk/sizes.py`).
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import Any, NamedTuple, cast

import faust
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from faust.web.drivers.aiohttp import Web
from pydantic import SecretStr

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.documents import reading_document
from iss_agents.archive.mongo import Database, Document, connect
from iss_agents.archive.queries.history import History
from iss_agents.archive.retention import prepare
from iss_agents.archive.rollups import backfill
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, Bucket, Integral
from iss_agents.archive.rollups.days import DAYS, Day, rollup_of
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, summary_of
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import FineBucket
from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database as Program
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.records import encode, new_reading
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.cpu_time import processor_seconds
from tests.tools.bench.disk.sizes import sizes
from tests.tools.bench.spans_plot import draw
from tests.web.archived import ArchivedMessage
from web.base.context import WorkerContext
from web.routes import mount

Client = TestClient[Request, Application]

ITEM = "NODE3000005"
SPANS = {"hour": HOUR, "day": DAY, "month": 30 * DAY, "year": 365 * DAY, "ten years": 3652 * DAY}
REPEATS = 5
AT_ONCE = 6
MARKS = 24
BATCH = 500


class Answer(NamedTuple):
    """Milliseconds until a plot of 500 points is there, and of processor time: here, and in the database."""

    span: str
    wall_ms: float
    cpu_ms: float
    database_ms: float


def say(text: str) -> None:
    """Show progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for the terminal


@asynccontextmanager
async def started() -> AsyncIterator[tuple[Settings, int]]:
    """Yield the settings and the process of a database."""
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder), free_port())
        running = program.start()
        running.wait_until(program.ready)
        try:
            # The source is that of the readings: without it, nothing would be found.
            url = SecretStr(program.url)
            settings = Settings(_env_file=None, mongo_url=url, kafka_url="127.0.0.1:1", source="simulated")
            assert running.pid
            yield settings, running.pid
        finally:
            running.stop()


async def fill(settings: Settings, now: int) -> None:
    """Store the readings, hours and days of the time before `now`, milliseconds since 1970."""
    database = connect(settings)
    await prepare(database, settings)
    # Before there are readings: all have rollups then.
    await backfill.begin(database, from_milliseconds(now))
    this_hour, today = now // HOUR * HOUR, now // DAY * DAY
    oldest = (now - SPANS["ten years"]) // DAY * DAY
    hours = [*range(oldest, oldest + DAY, HOUR), *range(today - SPANS["year"] - DAY, this_hour, HOUR)]
    await store(database, DAYS, map(day_document, range(oldest, today, DAY)))
    await store(database, READINGS.collection, map(reading, range(this_hour - HOUR, now, 1000)))
    await store(database, SUMMARIES, map(hour_document, hours))
    database.client.close()


async def store(database: Database, collection: str, documents: Iterable[Document]) -> None:
    pending = iter(documents)
    while batch := list(islice(pending, BATCH)):
        await database[collection].insert_many(batch, ordered=False)
    say(f"{collection}: {await database[collection].estimated_document_count()} documents")


def reading(time: int) -> Document:
    at = from_milliseconds(time)
    made = new_reading(ITEM, at, f"{time // 1000 % 100}.5", ingest_ts=at, source="simulated", status_class="24")
    return reading_document(ArchivedMessage(RAW.name, 0, 0, 0, encode(made)))


def hour_document(start: int) -> Document:
    minutes = [bucket(start + minute * MINUTE, MINUTE) for minute in range(60)]
    identity = {"_id": Hour(ITEM, start).name, "item_id": ITEM, "hour": from_milliseconds(start)}
    return identity | {"marks": 1, "day_marks": 1} | summary_of(minutes, datetime.now(UTC))


def day_document(start: int) -> Document:
    fine = [
        FineBucket(bucket(hour, HOUR), hour + HOUR, without_gaps=True)
        for hour in range(start, start + DAY, HOUR)
    ]
    question = Question(ITEM, "simulated", start, start + DAY, DAY, start + DAY)
    identity = {"_id": Day(ITEM, start).name, "item_id": ITEM, "day": from_milliseconds(start), "marks": MARKS}
    return (
        identity
        | rollup_of(question, fine, MARKS)
        | {"stale": False, "lost": False, "summarised_at": datetime.now(UTC)}
    )


def bucket(start: int, width: int) -> Bucket:
    # No two alike: they are compressed.
    count, low = width // 1000, start // MINUTE % 9973 / 997
    high, mean = low + 90, low + 45
    return Bucket(start, count, count, low, high, mean * count, "42.0", Integral(0, mean * width, width))


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[Client]:
    context = WorkerContext(settings, history=History(settings))
    app = faust.App("bench", broker="kafka://127.0.0.1:1", web_tables_enabled=False, web_router_enabled=False)
    app.web.init_server()
    mount(app, context)
    app.web.init_server()
    async with TestClient(TestServer(cast(Web, app.web).web_app)) as client:
        yield client


async def asked(client: Client, span: int) -> int | None:
    """Return how many points a plot of the last milliseconds has; None if it was not answered in time."""
    now = milliseconds(datetime.now(UTC))
    path = f"/api/v1/telemetry/summary?item={ITEM}&from={now - span}&to={now}&points=500"
    answer = await client.get(path)
    assert answer.status in {200, 503}, await answer.text()
    return len((await answer.json())["buckets"]) if answer.status == 200 else None


async def measured(client: Client, program: int, name: str) -> Answer:
    """Return the median of some answers."""
    say(f"{name}: {await asked(client, SPANS[name])} points")
    times = []
    for _ in range(REPEATS):
        began = monotonic(), process_time(), processor_seconds(program)
        await asked(client, SPANS[name])
        ended = monotonic(), process_time(), processor_seconds(program)
        times.append([1000 * (after - before) for before, after in zip(began, ended, strict=True)])
    return Answer(name, *map(median, zip(*times, strict=True)))


async def at_once(client: Client, name: str) -> dict[str, float]:
    """Return how many of AT_ONCE are answered who ask together, after how long, and how this process grows."""
    before, began = peak(), monotonic()
    points = await asyncio.gather(*(asked(client, SPANS[name]) for _ in range(AT_ONCE)))
    answered = sum(each is not None for each in points)
    return {"answered": answered, "wall_ms": 1000 * (monotonic() - began), "growth_mb": peak() - before}


def peak() -> float:
    """Return the most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main() -> dict[str, Any]:
    """Return the figures."""
    async with started() as (settings, program):
        await fill(settings, milliseconds(datetime.now(UTC)))
        async with client_of(settings) as client:
            answers = [await measured(client, program, name) for name in SPANS]
            together = {name: await at_once(client, name) for name in ("year", "ten years")}
    # Last, because it takes more memory than the answers.
    with tempfile.TemporaryDirectory() as folder:
        bytes_a_reading = sizes(Path(folder) / "recorded")
    return {
        "bytes_a_reading": bytes_a_reading,
        "answers": [each._asdict() for each in answers],
        f"{AT_ONCE}_at_once": together,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, help="where sizes and answer times are drawn")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    figures = asyncio.run(main())
    if given.plot:
        draw(figures["bytes_a_reading"], figures["answers"], given.plot)
    print(json.dumps(figures, indent=None if given.json else 1))  # noqa: T201 - a program for the terminal
