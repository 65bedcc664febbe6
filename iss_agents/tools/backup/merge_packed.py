"""Merge of packed hours that a backup and the database both have: each may have readings the other lacks."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import bson
from bson.raw_bson import RawBSONDocument

from iss_agents.archive.mongo import Database, Document, RejectedError, mongo_errors
from iss_agents.archive.packed.codec import NewerHourError
from iss_agents.archive.packed.hours import PACKED_HOURS, add_readings, identity_of, unpacked
from iss_agents.archive.rollups.hours import Hour, mark
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.backup.file_format import AWARE

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 100
"""Packed hours in one query, about 3 MB."""


async def merge_packed(database: Database, restored: Sequence[RawBSONDocument]) -> None:
    """Add the restored readings that the database lacks, and mark their hours as dirty.

    Raises:
        DatabaseUnavailableError: some may be done; the call can be repeated.
    """
    for begin in range(0, len(restored), ASKED_AT_ONCE):
        part = [bson.decode(each.raw, AWARE) for each in restored[begin : begin + ASKED_AT_ONCE]]
        for there, hour in await _different(database, part):
            await _merge(database, there, hour)


async def _different(database: Database, restored: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Return the stored and the restored document of each hour in which they differ."""
    # Some documents of the collection are no hours.
    by_name = {hour["_id"]: hour for hour in restored if "hour" in hour}
    with mongo_errors():
        found = await database[PACKED_HOURS].find({"_id": {"$in": list(by_name)}}).to_list(None)
    pairs = [(there, by_name[there["_id"]]) for there in found]
    return [(there, hour) for there, hour in pairs if there.get("readings") != hour["readings"]]


async def _merge(database: Database, there: Document, restored: Document) -> None:
    hour = Hour(restored["item_id"], milliseconds(restored["hour"]))
    try:
        readings = list(unpacked(restored).documents())
    except RejectedError as error:
        logger.warning("The backup's copy is left out: %s", error)
        return
    try:
        known = {identity_of(reading) for reading in unpacked(there).documents()}
    except RejectedError as error:
        if isinstance(error.__cause__, NewerHourError):
            raise
        # A damaged hour is repaired.
        content = {name: restored[name] for name in ("count", "readings")}
        with mongo_errors():
            await database[PACKED_HOURS].update_one(
                {"_id": there["_id"]}, {"$set": content, "$inc": {"revision": 1}}
            )
    else:
        await add_readings(database, hour, [each for each in readings if identity_of(each) not in known])
    await mark(database, [hour], datetime.now(UTC))
