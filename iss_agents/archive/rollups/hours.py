"""Hourly rollups: one document per series and hour in the collection `summaries`, and the marks of dirty hours.

    {_id: "NODE3000005|2026-11-24T02", item_id, hour, stale: false, marks: 3, rests_until, summarised_at,
     day_marks: 3, packed: 41, count: 41, numbers: 41, min, max, sum, last: "37.5",
     integral: [first_at, area, known, states], observed: {gaps: [[0, 90000]], integral},
     minutes: {minute: [0, 2, 59], count: [7, 31, 3], numbers, min, max, sum, last, integral, last_at, ids}}

Test readings have rollups of their own, whose `item_id` is their series, such as `test|NODE3000005`; rollups of
an older version may contain some.
`integral` is what a time-weighted mean needs (`buckets.Integral`); rollups of an older version lack it.
`observed` is the same without the gaps that were known when the rollup was computed, in milliseconds after the
start of the hour; a query that knows other gaps does without it.
`last` is the value of the last reading, `numbers` how many values are numeric; suspect readings do not count.
A `stale` hour is dirty: it has readings that its rollup does not include, so a query aggregates the raw
readings instead. `marks` is incremented whenever readings arrive. Until `rests_until` the rollup is not
computed, because more of a backlog may arrive.

Rollups outlive their readings by years. So when late readings arrive for an hour whose other readings have
expired, the earlier rollup is kept and extended: see `minutes.py`, which may store `ids` for that.
`day_marks` are the `marks` that it was computed with by a version that marks the hour's day (see `days.py`).
`packed` is how many packed readings it was computed from, suspect ones too. While all of them are there, it is
computed from them alone, so that a reading that somebody has corrected is corrected here too.
`lost` is true where readings expired before their rollup was computed: such an hour is a gap or incomplete.
`late` is true where readings arrived a day or more after the hour began; the readings of all other hours have
expired a day and ISS_RETENTION_DAYS after it.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

from msgspec import to_builtins
from pymongo import UpdateOne

from iss_agents.archive.bulk_write import write
from iss_agents.archive.mongo import Database, Document
from iss_agents.archive.rollups.buckets import HOUR, MINUTE, Bucket, Integral, merged
from iss_agents.archive.rollups.weighting import NO_GAPS, Gaps, hour_integral
from iss_agents.telemetry.series import series_of
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

logger = logging.getLogger(__name__)

SUMMARIES = "summaries"

GRACE = 5 * MINUTE
"""How long an hour stays open after its end, so that no rollup is expected yet: readings are seconds late."""

TRUST = MINUTE
"""How long after its end a marked hour need not be marked again. It is shorter than GRACE by the difference
that two machines' clocks may have."""

REST = timedelta(minutes=2)
"""How long a marked hour stays dirty at least."""

KNOWN = timedelta(seconds=30)
"""How long an hour in the past need not be marked again: shorter than REST by the difference of clocks. Marking
for each batch of a backlog cost three to eight times as much as writing it (measured)."""

LATE = timedelta(days=1)
"""How long after the start of its hour a reading counts as late: longer than any spool's backlog is old."""

AnyBucket = TypeVar("AnyBucket", bound=Bucket)

FIELDS = ("count", "numbers", "min", "max", "sum", "last")


class Hour(NamedTuple):
    """An hour of a series; `start` is in milliseconds since 1970."""

    series: str
    start: int

    @property
    def name(self) -> str:
        """The `_id` of its document."""
        return f"{self.series}|{from_milliseconds(self.start):%Y-%m-%dT%H}"


def hour_of(reading: Document) -> Hour:
    """Return the hour of a document of the collection `readings`."""
    time = milliseconds(reading["source_ts"])
    return Hour(series_of(reading["item_id"], reading.get("source")), time - time % HOUR)


def hours_of(readings: Iterable[Document]) -> set[Hour]:
    """Return the hours of documents of the collection `readings`."""
    # Plain tuples first: thousands of readings lie in a few hours.
    hours = {(one["item_id"], one.get("source"), one["sequence"] // HOUR) for one in readings}
    return {Hour(series_of(item_id, source), number * HOUR) for item_id, source, number in hours}


def closed_before(now: datetime) -> int:
    """Return the time, in milliseconds, before which an hour must have begun to be closed at `now`."""
    return milliseconds(now) - GRACE - HOUR


async def mark(database: Database, hours: Collection[Hour], rests_until: datetime) -> None:
    """Mark these hours as dirty: readings arrived, and no rollup is worthwhile before `rests_until`.

    Raises:
        DatabaseUnavailableError: some may be marked; the call can be repeated.
    """
    marked = [
        {"_id": hour.name, "item_id": hour.series, "hour": from_milliseconds(hour.start)} for hour in hours
    ]
    written = await write(database, SUMMARIES, marked, partial(_marking, rests_until))
    for index, reason in written.rejected.items():
        # A document edited by hand must block neither the other hours nor the archive.
        logger.warning("the rollup of %s will not be updated: %s", marked[index]["_id"], reason)


class DirtyHours:
    """Dirty hours of the readings this process stored: marked once while open, then at most every KNOWN."""

    def __init__(self) -> None:
        self._due: set[Hour] = set()
        self._marked: dict[Hour, datetime] = {}

    def note(self, readings: Iterable[Document], now: datetime) -> None:
        """Note the hours of readings that have been stored."""
        self._forget(now)
        self._due |= hours_of(readings) - self._marked.keys()

    async def write(self, database: Database, now: datetime) -> None:
        """Store the marks; no offset of the readings may be committed before that.

        Raises:
            DatabaseUnavailableError: some may be stored; the call can be repeated.
        """
        await mark(database, self._due, now + REST)
        self._marked |= dict.fromkeys(self._due, now)
        self._due = set()

    def forget_marked(self) -> None:
        """Mark every hour again: the database was unavailable, and may return without its latest writes."""
        self._marked.clear()

    def _forget(self, now: datetime) -> None:
        trusted = milliseconds(now) - TRUST - HOUR
        self._marked = {
            hour: at
            for hour, at in self._marked.items()
            if hour.start > trusted or timedelta() <= now - at < KNOWN
        }


def summary_of(buckets: Sequence[Bucket], now: datetime, gaps: Gaps = NO_GAPS) -> Document:
    """Return the rollup fields of an hour with these minutes, and with these gaps of its item."""
    [*whole] = merged(buckets, HOUR)
    total = whole[0] if whole else Bucket(0, 0, 0, None, None, 0.0, "")
    minutes = {name: [getattr(bucket, name) for bucket in buckets] for name in FIELDS}
    minute = [bucket.start % HOUR // MINUTE for bucket in buckets]
    fields = {name: getattr(total, name) for name in FIELDS} | {"observed": None}
    if buckets and all(bucket.integral for bucket in buckets):
        fields["integral"] = to_builtins(hour_integral(buckets))
        minutes["integral"] = [to_builtins(bucket.integral) for bucket in buckets]
        fields["observed"] = _observed(buckets, gaps)
    return {**fields, "minutes": {"minute": minute, **minutes}, "stale": False, "summarised_at": now}


def _observed(buckets: Sequence[Bucket], gaps: Gaps) -> Document | None:
    silent = gaps_of_hour(gaps, buckets[0].start - buckets[0].start % HOUR)
    return {"gaps": silent, "integral": to_builtins(hour_integral(buckets, gaps))} if silent else None


def gaps_of_hour(gaps: Gaps, start: int) -> list[list[int]]:
    """Return the gaps in the hour from `start`, in milliseconds after that, as they are stored."""
    return [[begin - start, over - start] for begin, over in gaps.inside(start, start + HOUR)]


def minutes_of(document: Document) -> list[Bucket]:
    """Return the minutes of an hour's rollup that have readings; empty if it was never computed."""
    if "minutes" not in document:
        return []
    start, minutes = milliseconds(document["hour"]), document["minutes"]
    columns = [minutes[name] for name in ("minute", *FIELDS)]
    integrals = map(_integral, minutes.get("integral") or repeat(None, len(columns[0])))
    return [
        Bucket(start + minute * MINUTE, *values) for minute, *values in zip(*columns, integrals, strict=True)
    ]


def _integral(stored: Sequence[Any] | None) -> Integral | None:
    return Integral(*stored) if stored else None


def merge_minutes(earlier: Iterable[AnyBucket], later: Iterable[AnyBucket]) -> list[AnyBucket]:
    """Merge the minutes of both, in order; of duplicates the one with more readings wins, or the later.

    A minute loses readings only by expiry, so the one with fewer was computed after some had expired.
    """
    minutes = {minute.start: minute for minute in earlier}
    for minute in later:
        if minute.start not in minutes or minutes[minute.start].count <= minute.count:
            minutes[minute.start] = minute
    return [minutes[start] for start in sorted(minutes)]


def whole_of(document: Document, *, observed: bool = False) -> list[Bucket]:
    """Return an hour's rollup as one bucket, or an empty list if it has no readings.

    If it is `observed`, its integral leaves out the gaps.
    """
    integral = document["observed"]["integral"] if observed else document.get("integral")
    values = [*(document[name] for name in FIELDS), _integral(integral)]
    return [Bucket(milliseconds(document["hour"]), *values)] if document["count"] else []


def _marking(rests_until: datetime, identity: Document) -> UpdateOne:
    is_late = identity["hour"] + LATE < rests_until
    # Without `summarised_at` it cannot expire before it is computed again.
    change = {
        "$set": {"stale": True, "late": True} if is_late else {"stale": True},
        "$unset": {"summarised_at": ""},
        "$inc": {"marks": 1},
        "$max": {"rests_until": rests_until},
        "$setOnInsert": {"item_id": identity["item_id"], "hour": identity["hour"]},
    }
    return UpdateOne({"_id": identity["_id"]}, change, upsert=True)
