"""Indexes of every collection, created at each start; existing ones are left alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import IndexModel
from pymongo.errors import OperationFailure, PyMongoError

from iss_agents.archive.destinations import DESTINATIONS, READINGS
from iss_agents.archive.mongo import Database, mongo_errors
from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.rollups.days import DAYS
from iss_agents.archive.rollups.hours import SUMMARIES

OTHER_OPTIONS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: the index exists with another expiry."""

NOT_FOUND = 27
"""IndexNotFound."""

HOURS = (("item_id", "hour"), ("item_id", "stale", "hour"), ("stale", "hour"), ("late", "hour"))
"""Serve queries for the hours of an item, dirty ones of an item or of all, and those with late readings."""

KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{row.collection: row.indexes for row in DESTINATIONS.values() if row.indexes},
    SUMMARIES: HOURS,
    DAYS: (("item_id", "day"), ("stale", "day")),
    PACKED_HOURS: (("item_id", "hour"),),
}
"""Collection -> the fields of each index that queries need."""

OBSOLETE: dict[str, dict[tuple[str, ...], tuple[str, ...]]] = {
    READINGS.collection: {
        ("item_id", "source_ts", "_id"): ("item_id", "source_ts"),
        ("source_ts", "_id"): ("source_ts",),
    }
}
"""Collection -> the fields of each index of earlier versions -> those of the index that replaces it."""

EXPIRIES = {
    **{row.collection: row.expires_by for row in DESTINATIONS.values() if row.expires_by},
    SUMMARIES: "summarised_at",
    DAYS: "summarised_at",
    PACKED_HOURS: "hour",
}
"""Collection -> the field after whose time its documents expire."""

ALL = frozenset({*KEYS, *EXPIRIES})
"""Every collection with an index."""


BUILDING = [
    {"op": "command", "command.createIndexes": {"$exists": True}},
    {"op": "none", "msg": {"$regex": "^Index Build"}},
]
"""What the operations that build an index match: the command, and the server's own thread."""


def index_on(indexes: Mapping[str, Any], *fields: str) -> dict[str, Any] | None:
    """Return the ascending index on these fields, as `index_information` describes it."""
    keys = [(field, 1) for field in fields]
    return next((index for index in indexes.values() if list(index["key"]) == keys), None)


async def missing(database: Database) -> list[str]:
    """Return the missing indexes that queries need, in words.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    with mongo_errors():
        found = {name: await database[name].index_information() for name in KEYS}
    return [
        f"{collection} on {', '.join(fields)}"
        for collection, wanted in KEYS.items()
        for fields in wanted
        if not index_on(found[collection], *fields)
    ]


async def build_progress(database: Database) -> int | None:
    """Return how many percent of the index that is being built are done; None if the server does not say.

    MongoDB says so to users with the role clusterMonitor.
    """
    try:
        found = await database.client.admin.command({"currentOp": True, "$or": BUILDING})
    except PyMongoError:
        return None
    for operation in found.get("inprog", ()):
        progress = operation.get("progress") or {}
        if str(operation.get("ns", "")).startswith(f"{database.name}.") and progress.get("total"):
            return int(100 * progress.get("done", 0) // progress["total"])
    return None


async def create_missing(database: Database, collections: Iterable[str] = ALL) -> None:
    """Create missing indexes, without expiry: documents are then kept for ever.

    Raises:
        DatabaseUnavailableError: some indexes may exist; the call can be repeated.
    """
    with mongo_errors():
        for collection in collections:
            if indexes := KEYS.get(collection):
                models = [IndexModel([(field, 1) for field in fields]) for fields in indexes]
                await database[collection].create_indexes(models)
            if field := EXPIRIES.get(collection):
                await _create_unless_it_expires(database, collection, field)


async def obsolete(database: Database) -> list[str]:
    """Return the indexes that no query needs any more, in words.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer.
    """
    return [f"{collection} on {', '.join(fields)}" for collection, fields in await _replaced(database)]


async def drop_obsolete(database: Database) -> None:
    """Drop the indexes that have been replaced; none before its replacement exists.

    Raises:
        DatabaseUnavailableError: some may be dropped; the call can be repeated.
    """
    for collection, fields in await _replaced(database):
        with mongo_errors():
            try:
                await database[collection].drop_index([(field, 1) for field in fields])
            except OperationFailure as error:
                # Another worker was faster.
                if error.code != NOT_FOUND:
                    raise


async def _replaced(database: Database) -> list[tuple[str, tuple[str, ...]]]:
    with mongo_errors():
        found = {name: await database[name].index_information() for name in OBSOLETE}
    return [
        (collection, old)
        for collection, indexes in OBSOLETE.items()
        for old, new in indexes.items()
        if index_on(found[collection], *old) and index_on(found[collection], *new)
    ]


async def _create_unless_it_expires(database: Database, collection: str, field: str) -> None:
    try:
        await database[collection].create_index([(field, 1)])
    except OperationFailure as error:
        if error.code not in OTHER_OPTIONS:
            raise
