"""Hours of items that are in a backup and in the database, each with readings that the other may lack."""

from collections.abc import Sequence
from datetime import UTC, datetime

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne

from iss_agents.archive.database import Database, Document, away_if_it_fails
from iss_agents.archive.hours import SUMMARIES, Hour, fuller, mark, minutes_of, summary_of
from iss_agents.backup.form import AWARE
from iss_agents.station_clock import milliseconds

ASKED_AT_ONCE = 100
"""Ids in one question. The embedded database takes 25 ms for 100 and 2.5 s for 1,000 (measured)."""


async def make_anew(database: Database, restored: Sequence[RawBSONDocument]) -> None:
    """Let hours that differ from the restored ones be summarised anew, with the minutes of both until then.

    Raises:
        DatabaseAway: some may be done; the call can be repeated.
    """
    for begin in range(0, len(restored), ASKED_AT_ONCE):
        part = [bson.decode(each.raw, AWARE) for each in restored[begin : begin + ASKED_AT_ONCE]]
        different = await _different(database, part)
        if not different:
            continue
        with away_if_it_fails():
            # Before they are marked: a summary that is just being made is given up by the mark.
            await database[SUMMARIES].bulk_write([_merging(*pair) for pair in different], ordered=False)
        hours = {Hour(hour["item_id"], milliseconds(hour["hour"])) for hour, _ in different}
        await mark(database, hours, datetime.now(UTC))


async def _different(database: Database, restored: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Return what is there and what was restored of each hour in which these differ."""
    by_name = {hour["_id"]: hour for hour in restored}
    with away_if_it_fails():
        found = await database[SUMMARIES].find({"_id": {"$in": list(by_name)}}).to_list(None)
    # One document of the collection is no hour: it says how far old readings are marked.
    return [(hour, by_name[hour["_id"]]) for hour in found if "hour" in hour and hour != by_name[hour["_id"]]]


def _merging(there: Document, restored: Document) -> UpdateOne:
    minutes = fuller(minutes_of(restored), minutes_of(there))
    merged = summary_of(minutes, datetime.now(UTC))["minutes"]
    return UpdateOne({"_id": there["_id"]}, {"$set": {"minutes": merged}})
