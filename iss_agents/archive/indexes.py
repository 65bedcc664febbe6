"""The indexes of every collection, made at each start; what is there already stays."""

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from iss_agents.archive.database import Database, away_if_it_fails
from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.hours import SUMMARIES
from iss_agents.settings import Settings

OTHER_OPTIONS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: the index exists with another expiry."""

DAY_SECONDS = 24 * 3600

HOURS = (("item_id", "hour"), ("stale", "hour"), ("late", "hour"))
"""What asks for the hours of an item, for those to be summarised, and for those whose readings came late."""

KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{row.collection: row.indexes for row in DESTINATIONS.values() if row.indexes},
    SUMMARIES: HOURS,
}
"""Collection -> the fields of each index that questions need."""

EXPIRIES = {
    **{row.collection: row.expires_by for row in DESTINATIONS.values() if row.expires_by},
    SUMMARIES: "summarised_at",
}
"""Collection -> the field after whose time its documents expire."""


async def prepare(database: Database, settings: Settings) -> None:
    """Create missing indexes and let documents expire as the settings say, also when these were different.

    Raises:
        DatabaseAway: some indexes may be made; the call can be repeated.
    """
    with away_if_it_fails():
        for collection, indexes in KEYS.items():
            models = [IndexModel([(field, 1) for field in fields]) for fields in indexes]
            await database[collection].create_indexes(models)
        for collection, field in EXPIRIES.items():
            _, days = lifetime(settings, collection)
            if days:
                await _expire(database, collection, field, days * DAY_SECONDS)
            else:
                await _keep(database, collection, field)


def lifetime(settings: Settings, collection: str) -> tuple[str, int]:
    """Return the variable that says for how many days a collection is kept, and what it says; 0 is for ever."""
    if collection == SUMMARIES:
        return "ISS_SUMMARY_DAYS", settings.summary_days
    return "ISS_RETENTION_DAYS", settings.retention_days


async def _expire(database: Database, collection: str, field: str, seconds: int) -> None:
    try:
        await database[collection].create_index([(field, 1)], expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code not in OTHER_OPTIONS:
            raise
        index = {"keyPattern": {field: 1}, "expireAfterSeconds": seconds}
        await database.command({"collMod": collection, "index": index})


async def _keep(database: Database, collection: str, field: str) -> None:
    try:
        await database[collection].create_index([(field, 1)])
    except OperationFailure as error:
        if error.code not in OTHER_OPTIONS:
            raise
        await database[collection].drop_index([(field, 1)])
        await database[collection].create_index([(field, 1)])
