"""Hours of items: one document each in the collection `summaries`, made anew when readings came to it.

    {_id: "NODE3000005|2026-11-24T02", item_id, hour, stale: false, marks: 3, rests_until, summarised_at,
     count: 41, numbers: 41, min, max, sum, last: "37.5",
     minutes: {minute: [0, 2, 59], count: [7, 31, 3], numbers, min, max, sum, last}}

`last` is the value of the last reading, `numbers` how many values are numbers; suspect readings do not count.
A `stale` hour has readings that its minutes, if it has any, do not hold: whoever asks folds them. `marks` grows
whenever readings came. Before `rests_until` it is left stale: more of a backlog may come.

Hours outlive their readings by years. So what was once summarised is not forgotten when late readings come to
an hour whose others have expired: see `fuller`. `late` is true where readings came a day or more after the hour
began; of all other hours the readings have expired a day and ISS_RETENTION_DAYS after it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from pymongo import UpdateOne

from iss_agents.archive.buckets import HOUR, MINUTE, Bucket, merged
from iss_agents.archive.database import Database, Document, away_if_it_fails
from iss_agents.station_clock import from_milliseconds, milliseconds

SUMMARIES = "summaries"

GRACE = 5 * MINUTE
"""How long after its end an hour is open, so that nobody takes it for summarised: readings are seconds late."""

TRUST = MINUTE
"""How long after its end an hour that was marked need not be marked again. It is shorter than GRACE by what
the clocks of two machines may differ."""

REST = timedelta(minutes=2)
"""How long an hour that was marked stays stale at least."""

KNOWN = timedelta(seconds=30)
"""How long an hour that is over need not be marked again: shorter than REST by what clocks may differ. Marking
each batch of a backlog anew cost three to eight times what writing it did (measured)."""

LATE = timedelta(days=1)
"""How long after the beginning of its hour a reading has come late: more than any backlog of a spool is old."""

FIELDS = ("count", "numbers", "min", "max", "sum", "last")


class Hour(NamedTuple):
    """An hour of an item; `start` is in milliseconds since 1970."""

    item_id: str
    start: int

    @property
    def name(self) -> str:
        """The `_id` of its document."""
        return f"{self.item_id}|{from_milliseconds(self.start):%Y-%m-%dT%H}"


def hours_of(readings: Iterable[Document]) -> set[Hour]:
    """Return the hours that documents of the collection `readings` lie in."""
    # Plain tuples first: thousands of readings lie in a few hours.
    hours = {(one["item_id"], one["sequence"] // HOUR) for one in readings}
    return {Hour(item_id, number * HOUR) for item_id, number in hours}


def closed_before(now: datetime) -> int:
    """Return the time, in milliseconds, before which an hour must begin to be closed at `now`."""
    return milliseconds(now) - GRACE - HOUR


async def mark(database: Database, hours: Collection[Hour], rests_until: datetime) -> None:
    """Say that readings came to these hours, and until when they are not worth a summary.

    Raises:
        DatabaseAway: some may be marked; the call can be repeated.
    """
    if hours:
        with away_if_it_fails():
            markings = [_marking(hour, rests_until) for hour in hours]
            await database[SUMMARIES].bulk_write(markings, ordered=False)


class Marks:
    """The hours of what this process stored, marked once while they are open and every KNOWN after that."""

    def __init__(self) -> None:
        self._due: set[Hour] = set()
        self._marked: dict[Hour, datetime] = {}

    def note(self, readings: Iterable[Document], now: datetime) -> None:
        """Remember the hours of readings that the database has."""
        self._forget(now)
        self._due |= hours_of(readings) - self._marked.keys()

    async def write(self, database: Database, now: datetime) -> None:
        """Return when the database has the marks; until then no offset of the readings may be committed.

        Raises:
            DatabaseAway: it does not have them all.
        """
        await mark(database, self._due, now + REST)
        self._marked |= dict.fromkeys(self._due, now)
        self._due = set()

    def doubt(self) -> None:
        """Mark everything anew: the database was away, and may come back without what it had."""
        self._marked.clear()

    def _forget(self, now: datetime) -> None:
        trusted = milliseconds(now) - TRUST - HOUR
        self._marked = {
            hour: at
            for hour, at in self._marked.items()
            if hour.start > trusted or timedelta() <= now - at < KNOWN
        }


def summary_of(buckets: list[Bucket], now: datetime) -> Document:
    """Return the fields of an hour with these minutes."""
    [*whole] = merged(buckets, HOUR)
    total = whole[0] if whole else Bucket(0, 0, 0, None, None, 0.0, "")
    minutes = {name: [getattr(bucket, name) for bucket in buckets] for name in FIELDS}
    minute = [bucket.start % HOUR // MINUTE for bucket in buckets]
    fields = {name: getattr(total, name) for name in FIELDS}
    return {**fields, "minutes": {"minute": minute, **minutes}, "stale": False, "summarised_at": now}


def minutes_of(document: Document) -> list[Bucket]:
    """Return the minutes with readings of an hour as it was last summarised; none if it never was."""
    if "minutes" not in document:
        return []
    start, minutes = milliseconds(document["hour"]), document["minutes"]
    columns = [minutes[name] for name in ("minute", *FIELDS)]
    return [Bucket(start + minute * MINUTE, *values) for minute, *values in zip(*columns, strict=True)]


def fuller(earlier: Iterable[Bucket], later: Iterable[Bucket]) -> list[Bucket]:
    """Return the minutes of both, in order; of one that is in both, that with more readings, or the later.

    Readings of a minute become fewer only when they expire, so what has fewer was made after that.
    """
    minutes = {minute.start: minute for minute in earlier}
    for minute in later:
        if minute.start not in minutes or minutes[minute.start].count <= minute.count:
            minutes[minute.start] = minute
    return [minutes[start] for start in sorted(minutes)]


def whole_of(document: Document) -> list[Bucket]:
    """Return a summarised hour as one bucket, or none if it has no readings."""
    values = [document[name] for name in FIELDS]
    return [Bucket(milliseconds(document["hour"]), *values)] if document["count"] else []


def _marking(hour: Hour, rests_until: datetime) -> UpdateOne:
    identity = {"item_id": hour.item_id, "hour": from_milliseconds(hour.start)}
    is_late = from_milliseconds(hour.start) + LATE < rests_until
    # Without its time of summary it does not expire before it is made anew.
    change = {
        "$set": {"stale": True, "late": True} if is_late else {"stale": True},
        "$unset": {"summarised_at": ""},
        "$inc": {"marks": 1},
        "$max": {"rests_until": rests_until},
        "$setOnInsert": identity,
    }
    return UpdateOne({"_id": hour.name}, change, upsert=True)
