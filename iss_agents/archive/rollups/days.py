"""Daily rollups: one document per series and UTC day in the collection `days`, computed from hourly rollups.

    {_id: "NODE3000005|2026-11-24", item_id, day, stale: false, marks: 24, rests_until, summarised_at,
     source: "isslive", lost: false, count: 86400, numbers, min, max, sum, last,
     integral: [first_at, area, known, states], gaps: Binary, hours: Binary}

The fields are those of an hour (see `hours.py`), and `hours` those of its hours that have readings (see
`day_hours.py`). Each `integral` leaves out the `gaps` of the day, pairs of unsigned 32-bit numbers:
milliseconds after its start. So one document answers for a day, or for its 24 hours, if these were computed
with the same `marks`: an earlier version leaves them out, or as they were.

A day is derived from its hours, and answers only if it says what they would: it is not `stale`, none of its
hours is dirty or `lost`, and the query knows the same gaps of the same source. If not, or if there is no
document, the query reads the hours.

The day of a clean hour is marked stale before the hour changes. So a clean day never contradicts its clean
hours, wherever a process ends. `marks` is incremented each time: a day that is being
computed meanwhile is discarded.
"""

import logging
from array import array
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from msgspec import to_builtins
from msgspec.structs import replace
from pymongo import UpdateOne

from iss_agents.archive.bulk_write import write
from iss_agents.archive.mongo import Database, Document, mongo_errors
from iss_agents.archive.rollups import day_hours
from iss_agents.archive.rollups.buckets import DAY, HOUR, Bucket, Integral, merged
from iss_agents.archive.rollups.due import MALFORMED
from iss_agents.archive.rollups.hours import FIELDS
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import FineBucket, Gaps, Weighting
from iss_agents.telemetry.catalog import names_states
from iss_agents.telemetry.station_clock import EPOCH, from_milliseconds, milliseconds

logger = logging.getLogger(__name__)

DAYS = "days"

OFFSET = "I"
"""`array` type code of an unsigned 32-bit number: a day has 86,400,000 milliseconds."""


class Day(NamedTuple):
    """A UTC day of a series; `start` is in milliseconds since 1970."""

    series: str
    start: int

    @property
    def name(self) -> str:
        """The `_id` of its document."""
        return f"{self.series}|{from_milliseconds(self.start):%Y-%m-%d}"


def day_of(series: str, time: datetime) -> Day:
    """Return the day of a series in which a time lies."""
    at = milliseconds(time)
    return Day(series, at - at % DAY)


async def mark_days(database: Database, days: Collection[Day], rests_until: datetime = EPOCH) -> None:
    """Mark these days as stale: hours of them are about to change. None is computed before `rests_until`.

    Raises:
        DatabaseUnavailableError: some may be marked; the call can be repeated.
    """
    marked = [{"_id": day.name, "item_id": day.series, "day": from_milliseconds(day.start)} for day in days]
    written = await write(database, DAYS, marked, partial(_marking, rests_until))
    for index, reason in written.rejected.items():
        # A document edited by hand must not contradict the hours: without it, these answer.
        logger.warning("%s is removed, because it cannot be marked: %s", marked[index]["_id"], reason)
        with mongo_errors():
            await database[DAYS].delete_one({"_id": marked[index]["_id"]})


def _marking(rests_until: datetime, identity: Document) -> UpdateOne:
    change = {
        "$set": {"stale": True},
        # Without it, the day cannot expire before it is computed again.
        "$unset": {"summarised_at": ""},
        "$inc": {"marks": 1},
        "$max": {"rests_until": rests_until},
        "$setOnInsert": {"item_id": identity["item_id"], "day": identity["day"]},
    }
    return UpdateOne({"_id": identity["_id"]}, change, upsert=True)


def rollup_of(question: Question, fine: Sequence[FineBucket], marks: int) -> Document:
    """Return the rollup fields of a day with these marks: the span of the question, which has these buckets."""
    [*whole] = merged((each.bucket for each in fine), DAY)
    total = whole[0] if whole else Bucket(question.start, 0, 0, None, None, 0.0, "")
    fields = {name: getattr(total, name) for name in FIELDS}
    fields["integral"] = to_builtins(_integral(question, question.start, DAY, fine)) if fine else None
    hours = [_hour(question, list(some)) for _, some in groupby(fine, _hour_of)]
    gaps = _stored(question.gaps, question.start)
    return {**fields, "source": question.source, "gaps": gaps, "hours": day_hours.encoded(hours, marks)}


def _integral(question: Question, start: int, width: int, fine: Sequence[FineBucket]) -> Integral:
    span, named = (start, start + width), names_states(question.item_id)
    return Weighting(span, width, gaps=question.gaps, until=span[1], named=named).integral(fine)


def _hour_of(fine: FineBucket) -> int:
    return fine.bucket.start // HOUR


def _hour(question: Question, fine: Sequence[FineBucket]) -> Bucket:
    [whole] = merged((each.bucket for each in fine), HOUR)
    return replace(whole, integral=_integral(question, whole.start, HOUR, fine))


def width_of(question: Question) -> int:
    """Return the width of the buckets that a day answers a question with: a day, or an hour."""
    return DAY if question.width >= DAY else HOUR


def buckets_of(document: Document, question: Question) -> list[Bucket] | None:
    """Return the buckets of a day that have readings, None if the documents of its hours must answer."""
    try:
        if document["stale"] or document["lost"] or document["source"] != question.source:
            return None
        return _buckets(document, question, milliseconds(document["day"]))
    except MALFORMED:
        return None


def _buckets(document: Document, question: Question, start: int) -> list[Bucket] | None:
    if not document["count"]:
        return []
    integral = Integral(*document["integral"])
    # The catalogue of another version may have named the states, or not.
    is_named = integral.states is not None
    if is_named != names_states(question.item_id) or document["gaps"] != _stored(question.gaps, start):
        return None
    if width_of(question) == HOUR:
        return day_hours.decoded(document["hours"], start, document["marks"])
    values: list[Any] = [*(document[name] for name in FIELDS), integral]
    return [Bucket(start, *values)]


def _stored(gaps: Gaps, start: int) -> bytes:
    spans = gaps.inside(start, start + DAY)
    return array(OFFSET, [time - start for span in spans for time in span]).tobytes()
