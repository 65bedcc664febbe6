"""Checksums of the readings of an hour's minutes: how long its rollup needs them.

They tell a late reading from one that Kafka redelivers, which only matters once the readings have expired. They
take three times as much space as the minutes themselves.
"""

from datetime import datetime, timedelta

from iss_agents.archive.mongo import Database, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.retention import kept_since
from iss_agents.archive.rollups.hours import LATE, SUMMARIES
from iss_agents.telemetry.station_clock import EPOCH
from iss_agents.telemetry.topics import RAW

SPAN = timedelta(days=7)
"""How far back `drop_ids` looks."""


async def packed_outlive_redelivery(database: Database, now: datetime) -> bool:
    """Return whether an hour stays packed for as long as its readings can come again.

    Its rollup is then computed from the packed readings, each of which has its id.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    since = _redelivered_since(await kept_since(database, now))
    return await kept_since(database, now, PACKED_HOURS) <= since


async def drop_ids(database: Database, now: datetime) -> None:
    """Drop the checksums of old minutes, whose readings cannot be redelivered by Kafka any more.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    before = _redelivered_since(await kept_since(database, now))
    within = {"stale": False, "hour": {"$gte": before - SPAN, "$lt": before}}
    with mongo_errors():
        known = {**within, "minutes.ids": {"$exists": True}}
        await database[SUMMARIES].update_many(known, {"$unset": {"minutes.ids": ""}})


def _redelivered_since(kept: datetime) -> datetime:
    return max(kept - timedelta(milliseconds=RAW.retention_ms) - LATE, EPOCH)
