"""Rollup merge: hours that are in a backup and in the database, each with readings that the other may lack."""

from collections.abc import Sequence
from datetime import UTC, datetime

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne

from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.rollups.hours import SUMMARIES, Hour, mark, merge_minutes, summary_of
from iss_agents.archive.rollups.minutes import ID_COLUMNS, id_columns, minutes_with_ids
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.backup.file_format import AWARE

ASKED_AT_ONCE = 100
"""Ids in one query. The embedded database takes 25 ms for 100 and 2.5 s for 1,000 (measured)."""


async def merge_rollups(database: Database, restored: Sequence[RawBSONDocument]) -> None:
    """Mark hours that differ from the restored ones as dirty, and merge the minutes of both until then.

    Raises:
        DatabaseUnavailableError: some may be done; the call can be repeated.
    """
    for begin in range(0, len(restored), ASKED_AT_ONCE):
        part = [bson.decode(each.raw, AWARE) for each in restored[begin : begin + ASKED_AT_ONCE]]
        different = await _different(database, part)
        if not different:
            continue
        with mongo_errors():
            # Before they are marked: the mark discards a rollup that is being computed just now.
            await database[SUMMARIES].bulk_write([_merge(*pair) for pair in different], ordered=False)
        hours = {Hour(hour["item_id"], milliseconds(hour["hour"])) for hour, _ in different}
        await mark(database, hours, datetime.now(UTC))


async def _different(database: Database, restored: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Return the stored and the restored document of each hour in which they differ."""
    by_name = {hour["_id"]: hour for hour in restored}
    with mongo_errors():
        found = await database[SUMMARIES].find({"_id": {"$in": list(by_name)}}).to_list(None)
    # One document of the collection is not an hour: the progress of the backfill.
    pairs = [(hour, by_name[hour["_id"]]) for hour in found if "hour" in hour]
    return [(there, restored) for there, restored in pairs if _compared(there) != _compared(restored)]


def _compared(hour: Document) -> Document:
    # The ids of the minutes are dropped after some weeks, on one side earlier than on the other.
    minutes = {name: hour["minutes"][name] for name in hour.get("minutes", {}).keys() - ID_COLUMNS}
    return {**hour, "minutes": minutes}


def _merge(there: Document, restored: Document) -> UpdateOne:
    minutes = merge_minutes(minutes_with_ids(restored), minutes_with_ids(there))
    merged = summary_of(minutes, datetime.now(UTC))["minutes"] | id_columns(minutes)
    # The merged minutes may hold readings that are not packed.
    return UpdateOne({"_id": there["_id"]}, {"$set": {"minutes": merged}, "$unset": {"packed": ""}})
