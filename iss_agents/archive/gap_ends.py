"""Ends of the gaps that killed workers left open: each ended when the next feed of its shard began.

That feed recorded its beginning as a gap of cause `restart`. The archive writes the end into the open gap as
soon as it has stored both, so that no query searches for it again.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne

from iss_agents.archive.destinations import GAPS
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.telemetry.shards import Shard


async def end_open_gaps(database: Database, query_ms: int) -> None:
    """End every stored gap whose end is known; the call can be repeated.

    Raises:
        DatabaseUnavailableError: some may be ended.
    """
    with mongo_errors():
        found = await database[GAPS.collection].find({"end": None}, max_time_ms=query_ms).to_list(None)
        ended = [gap for gap in await with_end(database, found, query_ms) if gap.get("end")]
        if ended:
            await database[GAPS.collection].bulk_write(list(map(_ending, ended)), ordered=False)


def _ending(gap: Document) -> UpdateOne:
    # Only while it is open: its feed may have sent the end itself meanwhile.
    return UpdateOne({"_id": gap["_id"], "end": None}, {"$set": {"end": gap["end"]}})


async def with_end(database: Database, gaps: Sequence[Document], query_ms: int) -> list[Document]:
    """Return open gaps with their end where it is known.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    starts = [gap["start"] for gap in gaps if _is_sound(gap)]
    if not starts:
        return list(gaps)
    since = {"cause": "restart", "start": {"$gte": min(starts)}}
    restarts = database[GAPS.collection].find(since).sort([("start", 1), ("_id", 1)])
    with mongo_errors():
        later = await restarts.max_time_ms(query_ms).to_list(None)
    known = [restart for restart in later if restart.get("end") and _is_sound(restart)]
    return [{**gap, "end": end} if _is_sound(gap) and (end := _end(gap, known)) else gap for gap in gaps]


def _is_sound(gap: Document) -> bool:
    """Return whether a gap has what its end follows from: it may have been written by hand."""
    try:
        _shard(gap)
    except (TypeError, ValueError):
        return False
    return isinstance(gap.get("start"), datetime)


def _end(gap: Document, restarts: Sequence[Document]) -> datetime | None:
    shard = _shard(gap)
    after = (
        restart["end"]
        for restart in restarts
        if restart["start"] >= gap["start"]
        and restart.get("source") == gap.get("source")
        and _shard(restart).replaces(shard)
    )
    return next(after, None)


def _shard(gap: Document) -> Shard:
    return Shard.of(gap.get("shard"))
