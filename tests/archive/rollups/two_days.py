"""Readings of two days, how they are stored and summarised, and what a fold over them answers."""

import random
from datetime import UTC, datetime, timedelta
from time import monotonic

from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.rollups.buckets import DAY, HOUR, MINUTE, WIDTHS, Bucket, merged
from iss_agents.archive.rollups.due import stale_hours
from iss_agents.archive.rollups.hours import hours_of, mark
from iss_agents.archive.rollups.job import compute_rollup
from iss_agents.archive.rollups.query import parts
from iss_agents.archive.rollups.segments import Question
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

NOW = datetime(2026, 8, 11, 12, 20, tzinfo=UTC)
TODAY = milliseconds(NOW)
FIRST = milliseconds(datetime(2026, 8, 9, 22, 0, tzinfo=UTC))
ITEM = "NODE3000005"
WIDTHS_TRIED = [width for width in WIDTHS if width <= 2 * DAY]


def reading(time: int, value: str, name: str, **fields: object) -> Document:
    """Return a reading of the item at a time in milliseconds."""
    number = {"number": float(value)} if value.replace(".", "", 1).isdigit() else {}
    times = {"source_ts": from_milliseconds(time), "ingest_ts": from_milliseconds(time), "sequence": time}
    return {"_id": name, "item_id": ITEM, "value": value, "source": "simulated", **times, **number, **fields}


def some_readings(chance: random.Random, count: int) -> list[Document]:
    """Return readings of two days, in bursts, with silent hours, equal times, texts and suspect ones."""
    bursts = [chance.randrange(FIRST, TODAY) for _ in range(12)]
    edges = [bound + offset for bound in range(FIRST, TODAY, 5 * HOUR) for offset in (-1, 0, 1)]
    times = [chance.choice(bursts) + chance.randrange(20 * MINUTE) // 500 * 500 for _ in range(count)] + edges
    values = [chance.choice(["PUMPING", "2", f"{chance.uniform(0, 99):.3f}"]) for _ in times]
    suspects: list[dict[str, object]] = [{}, {}, {}, {"suspect": "frozen"}]
    return [
        reading(time, value, f"{chance.getrandbits(64):x}", **chance.choice(suspects), **some_offset(chance))
        for time, value in zip(times, values, strict=True)
    ]


def some_offset(chance: random.Random) -> dict[str, int]:
    """Return an offset, or none, as of a reading that was stored before there were any."""
    return {"offset": chance.randrange(100)} if chance.random() < 0.8 else {}


def folded(documents: list[Document], start: int, end: int, width: int) -> list[Bucket]:
    """Return what a fold over the readings gives."""
    inside = [one for one in documents if start <= one["sequence"] < end and "suspect" not in one]
    buckets: dict[int, list[Document]] = {}
    for one in sorted(inside, key=lambda one: Position.of(one, "sequence")):
        buckets.setdefault(one["sequence"] // width * width, []).append(one)
    return [_bucket(begin, content) for begin, content in buckets.items()]


def _bucket(start: int, content: list[Document]) -> Bucket:
    numbers = [one["number"] for one in content if "number" in one]
    low, high = min(numbers, default=None), max(numbers, default=None)
    return Bucket(start, len(content), len(numbers), low, high, sum(numbers), content[-1]["value"])


async def asked(database: Database, start: int, end: int, width: int, now: datetime = NOW) -> list[Bucket]:
    question = Question(ITEM, "simulated", start, end, width, until=end)
    fine = [
        bucket async for part in parts(database, question, now, monotonic() + 5) for bucket, *_ in part.fine
    ]
    return merged(fine, width)


def rounded(buckets: list[Bucket]) -> list[tuple[object, ...]]:
    """Return the buckets with sums that do not show the order of adding."""
    return [
        (one.start, one.count, one.numbers, one.min, one.max, round(one.sum, 6), one.last) for one in buckets
    ]


async def store(database: Database, documents: list[Document]) -> None:
    """Store readings as the archive does: insert, then mark."""
    await database.readings.insert_many(documents)
    await mark(database, hours_of(documents), NOW - timedelta(days=1))


async def summarise_all(database: Database, now: datetime = NOW) -> None:
    for hour in await stale_hours(database, now):
        assert await compute_rollup(database, hour)
