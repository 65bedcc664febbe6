"""Retention of each collection: the one in force in MongoDB, and the one that the settings ask for.

The one in force is the expiry of a TTL index. MongoDB deletes older documents within a minute, so a worker only
ever lengthens it, and a restore leaves it alone; only `iss-agents retention --apply` shortens it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pymongo import IndexModel

from iss_agents.archive.compression import create_readings
from iss_agents.archive.destinations import READINGS
from iss_agents.archive.indexes import ALL, EXPIRIES, create_missing, index_on
from iss_agents.archive.mongo import Database, RejectedError, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS, note_expired
from iss_agents.archive.rollups.days import DAYS
from iss_agents.archive.rollups.hours import SUMMARIES
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH

FOR_EVER = timedelta.max

APPLY = "`iss-agents retention --apply`"


class Retention(NamedTuple):
    """How long documents of a collection are kept after the time in `field`.

    Without an index on that field (`is_indexed`) nothing expires.
    """

    collection: str
    field: str
    variable: str
    in_force: timedelta
    asked: timedelta
    is_indexed: bool

    @property
    def would_shorten(self) -> bool:
        """Whether the retention asked for would delete documents that are kept now."""
        return self.asked < self.in_force

    @property
    def difference(self) -> str:
        """Both retentions in words."""
        return (
            f"MongoDB keeps {self.collection} {in_words(self.in_force)} "
            f"and {self.variable} asks for {in_words(self.asked).removeprefix('for ')}"
        )


def in_words(lifetime: timedelta) -> str:
    """Return `for ever`, or `for N days`."""
    return "for ever" if lifetime == FOR_EVER else f"for {lifetime / timedelta(days=1):g} days"


def in_days(lifetime: timedelta) -> float | None:
    """Return the number of days, None for ever."""
    return None if lifetime == FOR_EVER else lifetime / timedelta(days=1)


async def retentions(database: Database, settings: Settings) -> list[Retention]:
    """Return the retention of every collection that can have one.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        return [
            _retention(settings, collection, field, await database[collection].index_information())
            for collection, field in EXPIRIES.items()
        ]


async def kept_since(database: Database, now: datetime, collection: str = READINGS.collection) -> datetime:
    """Return the time before which documents may have expired; that of readings is their time of ingest.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        indexes = await database[collection].index_information()
    in_force = _in_force(index_on(indexes, EXPIRIES[collection]))
    return now - min(in_force, now - EPOCH)


async def prepare(database: Database, settings: Settings) -> list[Retention]:
    """Create missing indexes, and set the retentions asked for wherever that deletes nothing.

    Return the retentions then in force.

    Raises:
        DatabaseUnavailableError: some indexes may be made; the call can be repeated.
    """
    for retention in await retentions(database, settings):
        # A server without TTL indexes keeps documents for ever, which is reported like any other retention.
        with suppress(RejectedError):
            if retention.asked > retention.in_force:
                await _set(database, retention)
            elif not retention.is_indexed and await _deletes_nothing(database, retention):
                await _create(database, retention)
    await create_missing(database)
    return await retentions(database, settings)


async def prepare_new(database: Database, settings: Settings) -> None:
    """Create collections that do not exist yet, with their indexes and the retentions asked for.

    Indexes that the server rejects are skipped.

    Raises:
        DatabaseUnavailableError: some may be made; the call can be repeated.
    """
    with mongo_errors():
        existing = set(await database.list_collection_names())
    if READINGS.collection not in existing:
        await create_readings(database)
    for retention in await retentions(database, settings):
        if retention.collection not in existing:
            with suppress(RejectedError):
                await _create(database, retention)
    with suppress(RejectedError):
        await create_missing(database, ALL - existing)


async def apply(database: Database, wanted: Sequence[Retention]) -> None:
    """Set the retentions asked for; MongoDB deletes what is older.

    Raises:
        DatabaseUnavailableError: some may be set; the call can be repeated.
    """
    for retention in wanted:
        await _set(database, retention)


async def count_older(database: Database, retention: Retention, now: datetime) -> int:
    """Return how many documents would be deleted if the retention asked for were in force.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    if not retention.would_shorten:
        return 0
    with mongo_errors():
        older = {retention.field: {"$lt": now - retention.asked}}
        return await database[retention.collection].count_documents(older)


def _retention(settings: Settings, collection: str, field: str, indexes: Mapping[str, Any]) -> Retention:
    variable, days = _asked(settings, collection)
    index = index_on(indexes, field)
    asked = timedelta(days=days) if days else FOR_EVER
    return Retention(collection, field, variable, _in_force(index), asked, index is not None)


def _asked(settings: Settings, collection: str) -> tuple[str, int]:
    """Return the variable for a collection's retention, and its days."""
    if collection in {SUMMARIES, DAYS}:
        return "ISS_SUMMARY_DAYS", settings.summary_days
    if collection == PACKED_HOURS:
        return "ISS_HISTORY_DAYS", settings.history_days
    return "ISS_RETENTION_DAYS", settings.retention_days


def _in_force(index: Mapping[str, Any] | None) -> timedelta:
    seconds = index.get("expireAfterSeconds") if index else None
    return FOR_EVER if seconds is None else timedelta(seconds=float(seconds))


async def _deletes_nothing(database: Database, retention: Retention) -> bool:
    if retention.asked == FOR_EVER:
        return True
    older = {retention.field: {"$lt": datetime.now(UTC) - retention.asked}}
    with mongo_errors():
        return await database[retention.collection].find_one(older, {"_id": 1}) is None


async def _create(database: Database, retention: Retention) -> None:
    index = IndexModel([(retention.field, 1)])
    if retention.asked != FOR_EVER:
        index = IndexModel([(retention.field, 1)], expireAfterSeconds=_seconds(retention.asked))
    with mongo_errors():
        await database[retention.collection].create_indexes([index])


async def _set(database: Database, retention: Retention) -> None:
    if retention.collection == READINGS.collection and retention.in_force != FOR_EVER:
        # A longer retention does not bring back what has expired.
        await note_expired(database, datetime.now(UTC) - retention.in_force)
    if not retention.is_indexed:
        await _create(database, retention)
    elif FOR_EVER in {retention.asked, retention.in_force}:
        with mongo_errors():
            # MongoDB can change an expiry in place, but neither remove one nor, before version 5.1, add one.
            await database[retention.collection].drop_index([(retention.field, 1)])
        await _create(database, retention)
    else:
        index = {"keyPattern": {retention.field: 1}, "expireAfterSeconds": _seconds(retention.asked)}
        with mongo_errors():
            await database.command({"collMod": retention.collection, "index": index})


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())
