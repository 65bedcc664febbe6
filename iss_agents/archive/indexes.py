"""The indexes of every collection, made at each start; what is there already stays."""

from datetime import timedelta

from pymongo import IndexModel
from pymongo.errors import OperationFailure

from iss_agents.archive.database import Database, away_if_it_fails
from iss_agents.archive.destinations import DESTINATIONS

OTHER_OPTIONS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: the index exists with another expiry."""


async def prepare(database: Database, retention: timedelta) -> None:
    """Create missing indexes and let documents expire after `retention`, also when that was different before.

    Raises:
        DatabaseAway: some indexes may be made; the call can be repeated.
    """
    with away_if_it_fails():
        for row in DESTINATIONS.values():
            models = [IndexModel([(field, 1) for field in fields]) for fields in row.indexes]
            if models:
                await database[row.collection].create_indexes(models)
            if row.expires_by:
                await _expire(database, row.collection, row.expires_by, int(retention.total_seconds()))


async def _expire(database: Database, collection: str, field: str, seconds: int) -> None:
    try:
        await database[collection].create_index([(field, 1)], expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code not in OTHER_OPTIONS:
            raise
        index = {"keyPattern": {field: 1}, "expireAfterSeconds": seconds}
        await database.command({"collMod": collection, "index": index})
