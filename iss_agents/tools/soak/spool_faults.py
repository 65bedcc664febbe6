"""Spool faults: a disk has overwritten some pages of a spool."""

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec

from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.tools.soak.context import SoakContext
from iss_agents.tools.soak.station import Named
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.polling import until

ENOUGH = 200
"""Records: some thirty pages."""

MOST_PAGES = 4
PATIENCE_SECONDS = 60.0


async def damage_spool(context: SoakContext) -> None:
    """The feed is killed while its spool waits for Kafka, and some pages of the spool are overwritten."""
    context.station.disturb()
    await processes.end(context.system.kafka)
    await until("the feed has spooled enough", lambda: _spooled(context.feed.home) >= ENOUGH, PATIENCE_SECONDS)
    await context.feed.kill()
    for spool in _spools(context.feed.home):
        context.station.overwritten |= overwrite(spool, context.random)
    await context.system.start_kafka()
    context.feed.start()


def overwrite(spool: Path, random: Random) -> set[Named]:
    """Overwrite a few pages of a closed spool; return the readings that were on no other page."""
    with closing(sqlite3.connect(spool)) as connection:
        values = [value for (value,) in connection.execute("SELECT value FROM records")]
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    # The last process to close the spool has checkpointed its log into the database.
    pages = [bytearray(page) for page in _parts(spool.read_bytes(), size)]
    overwritten = set(random.sample(range(len(pages)), min(len(pages), random.randint(1, MOST_PAGES))))
    for number in overwritten:
        pages[number][:] = random.randbytes(size)
    spool.write_bytes(b"".join(pages))
    left = b"".join(page for number, page in enumerate(pages) if number not in overwritten)
    return {named for value in values if value not in left and (named := _named(value))}


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _named(value: bytes) -> Named | None:
    try:
        reading: Reading = decode_reading(value)
    except msgspec.DecodeError:
        return None  # a gap, or what did not validate
    return reading.item_id, int(reading.value)


def _spooled(home: Path) -> int:
    return sum(_count(spool) for spool in _spools(home))


def _count(spool: Path) -> int:
    with closing(sqlite3.connect(f"{spool.as_uri()}?mode=ro", uri=True)) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM records").fetchall()
    return int(count)


def _spools(home: Path) -> list[Path]:
    return list((home / "spool").glob("*.sqlite"))
