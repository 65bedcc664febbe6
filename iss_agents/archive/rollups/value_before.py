"""The value that an item held at the beginning of a span: its last trusted reading before it.

A reading may be months old. The hours with readings are known (`hours.py`), so only the latest of them are
searched. A clean hour is answered by its rollup alone.
"""

from collections.abc import Iterator
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.mongo import Database, Document, milliseconds_left, mongo_errors
from iss_agents.archive.packed.hours import union
from iss_agents.archive.packed.reader import packed_readings
from iss_agents.archive.rollups.buckets import HOUR, MINUTE, READING_FIELDS, ordered_reading
from iss_agents.archive.rollups.hours import SUMMARIES, minutes_of
from iss_agents.archive.rollups.weighting import Span
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.series import item_of, series_of
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

MAX_HOURS = 24
"""Hours searched at most: an hour can hold suspect readings only."""

WITHOUT_IDS = {"minutes.ids": 0}


class HeldValue(NamedTuple):
    """A value that held, and when it was measured, to the minute if its rollup is all that is left."""

    time: datetime
    value: str


async def value_before(
    database: Database, item_id: str, source: Source, time: int, query_ms: int, *, rolled_up: bool = True
) -> HeldValue | None:
    """Return the value that an item held at a time in milliseconds, None if it was never measured before.

    It is that of the readings from a source. Without `rolled_up`, the rollups of the series are those of
    another feed, and the readings themselves are searched.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    searched, deadline = 0, monotonic() + query_ms / 1000
    for start, end in _backwards(time):
        within = {"$gte": from_milliseconds(start), "$lt": from_milliseconds(end)}
        match = {"item_id": series_of(item_id, source), "hour": within}
        left = milliseconds_left(deadline)
        hours = database[SUMMARIES].find(match, WITHOUT_IDS, max_time_ms=left).sort("hour", -1)
        with mongo_errors():
            # One at a time: the first one answers, as a rule.
            async for hour in hours.limit(MAX_HOURS - searched).batch_size(1):
                if held := await _last_of(database, hour, source, time, deadline, rolled_up=rolled_up):
                    return held
                searched += 1
        if searched == MAX_HOURS:
            break
    return None


def _backwards(time: int) -> Iterator[Span]:
    """Yield spans that lead back to 1970, each four times as long as the one after it.

    The embedded database reads all hours of a span to find the last one, each with its minutes: those of a day
    take it 15 ms.
    """
    end, width = time, 2 * HOUR
    while end > 0:
        start = max(end - width, 0)
        yield start, end
        end, width = start, 4 * width


async def _last_of(
    database: Database, hour: Document, source: Source, time: int, deadline: float, *, rolled_up: bool
) -> HeldValue | None:
    known = list(_of_rollup(hour, time)) if rolled_up else []
    if rolled_up and not hour["stale"] and milliseconds(hour["hour"]) + HOUR <= time:
        return known[-1] if known else None
    # Of some minutes the readings may have expired, and of others the rollup may not know them yet.
    there = await _of_readings(database, hour, source, time, deadline)
    return max([*there, *known], key=lambda held: held.time, default=None)


def _of_rollup(hour: Document, time: int) -> Iterator[HeldValue]:
    minutes = minutes_of(hour)
    last_at = hour.get("minutes", {}).get("last_at") or [0] * len(minutes)
    for minute, last in zip(minutes, last_at, strict=True):
        if minute.start + MINUTE <= time:
            yield HeldValue(from_milliseconds(minute.start + last), minute.last)


async def _of_readings(
    database: Database, hour: Document, source: Source, time: int, deadline: float
) -> list[HeldValue]:
    end = from_milliseconds(min(milliseconds(hour["hour"]) + HOUR, time))
    item_id, within = item_of(hour["item_id"]), {"$gte": hour["hour"], "$lt": end}
    match = {"item_id": item_id, "source_ts": within}
    left = milliseconds_left(deadline)
    found = await database[READINGS.collection].find(match, READING_FIELDS, max_time_ms=left).to_list(None)
    hours = packed_readings(database, item_id, source, hour["hour"], end)
    packed = [each async for readings in hours for each in readings]
    ours = (document for document in union(packed, found) if document.get("source") == source)
    readings = [reading for document in ours if (reading := ordered_reading(document))]
    return [HeldValue(from_milliseconds(last.time), last.value) for last in sorted(readings)[-1:]]
