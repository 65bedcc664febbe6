"""Rollup query: buckets of an item over any span, from rollups where they are valid, else from raw readings.

The span is read in parts, so that memory is that of one part however long the span is. For buckets of hours
or days, `day_runs.py` says which whole days answer. In each part between them, `segments.py` says what the
hours answer; the minutes of an hour are only fetched if the answer needs them. Each part is weighed before the
next is read.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from iss_agents.archive.mongo import Cursor, Database, Document, milliseconds_left, mongo_errors
from iss_agents.archive.rollups.aggregate import aggregate
from iss_agents.archive.rollups.backfill import is_complete
from iss_agents.archive.rollups.buckets import HOUR, MINUTE
from iss_agents.archive.rollups.day_runs import day_runs
from iss_agents.archive.rollups.days import width_of
from iss_agents.archive.rollups.hours import FIELDS, SUMMARIES, closed_before, merge_minutes
from iss_agents.archive.rollups.minutes import ID_COLUMNS
from iss_agents.archive.rollups.segments import Question, Segment, coalesced, needs_minutes, split
from iss_agents.archive.rollups.weighting import FineBucket, Span, WeightedBucket, Weighting
from iss_agents.telemetry.catalog import names_states
from iss_agents.telemetry.series import series_of
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

WITHOUT_IDS = {f"minutes.{name}": 0 for name in ID_COLUMNS}
"""Projection of an hour without the ids, which are several times larger than everything else."""

AS_A_WHOLE = dict.fromkeys(("hour", "stale", "lost", "observed", "integral", *FIELDS), 1)
"""Projection of an hour without its minutes: 0.3 KB instead of 5. The embedded database takes twice as long if
it is told what to leave out instead (measured)."""

HOURS_AT_ONCE = 500
"""Hours of a part; with all their minutes they are 2 MB."""

NEAR = 6 * HOUR
"""Up to this distance, the minutes of two hours are fetched by one query: an hour too many costs less."""


class Part(NamedTuple):
    """Buckets of a part of the span, oldest first, and the hours in it whose readings are lost."""

    fine: list[FineBucket]
    lost: list[Span]


async def answer(
    database: Database, question: Question, before: str | None, now: datetime, seconds: float
) -> list[WeightedBucket]:
    """Return the buckets of the span up to the end of knowledge; `before` is the value that held at its start.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer within `seconds`.
    """
    weighting = Weighting(
        (question.start, question.end),
        question.width,
        before=before,
        gaps=question.gaps,
        until=question.until,
        named=names_states(question.item_id),
    )
    async for part in parts(database, question, now, monotonic() + seconds):
        # In a thread, as below: many minutes would block the event loop.
        await asyncio.to_thread(weighting.add, part.fine, part.lost)
    return await asyncio.to_thread(weighting.weigh)


async def parts(database: Database, question: Question, now: datetime, deadline: float) -> AsyncIterator[Part]:
    """Yield buckets of the trusted readings, as fine as the query and its gaps need, oldest first.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer before `deadline`, a time of the monotonic clock.
    """
    unknown = await _unknown_from(database, question, now, deadline)
    async for run in day_runs(database, question, unknown, deadline):
        if run.buckets is None:
            part = question._replace(start=run.start, end=run.end)
            async for each in hour_parts(database, part, now, unknown, deadline):
                yield each
        else:
            width = width_of(question)
            fine = [FineBucket(bucket, bucket.start + width, without_gaps=True) for bucket in run.buckets]
            yield Part(fine, [])


async def hour_parts(
    database: Database, question: Question, now: datetime, unknown: int, deadline: float
) -> AsyncIterator[Part]:
    """Yield the same from hours alone; from `unknown` on there may be readings without an hour.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer before `deadline`.
    """
    reached = question.start
    async for hours in _closed_hours(database, question, now, deadline):
        is_last = len(hours) < HOURS_AT_ONCE
        end = question.end if is_last else min(milliseconds(hours[-1]["hour"]) + HOUR, question.end)
        part = question._replace(start=reached, end=end)
        segments = await asyncio.to_thread(_segments, part, hours, unknown)
        yield Part(await _fine_buckets(database, part, segments, deadline), list(_lost(hours)))
        reached = end


async def _unknown_from(database: Database, question: Question, now: datetime, deadline: float) -> int:
    """Return the time from which on a missing hour does not mean that there are no readings."""
    if _uses_rollups(question) and await is_complete(database, milliseconds_left(deadline)):
        return -(-closed_before(now) // HOUR) * HOUR
    return question.start


def _segments(question: Question, hours: list[Document], unknown: int) -> list[Segment]:
    return list(coalesced(split(question, hours, unknown)))


async def _fine_buckets(
    database: Database, question: Question, segments: Iterable[Segment], deadline: float
) -> list[FineBucket]:
    fine: list[FineBucket] = []
    for segment in segments:
        if segment.buckets is None:
            fine += await _aggregated(database, question, segment, deadline)
        else:
            fine += [
                FineBucket(bucket, bucket.start + segment.width, segment.without_gaps)
                for bucket in segment.buckets
            ]
    return fine


async def _aggregated(
    database: Database, question: Question, segment: Segment, deadline: float
) -> list[FineBucket]:
    span, width = (segment.start, segment.end), min(question.width, MINUTE)
    found = await aggregate(
        database, question.item_id, question.source, span, width, question.until, milliseconds_left(deadline)
    )
    if not segment.known:
        return found
    ends = {each.bucket.start: each.end for each in found}
    merged = merge_minutes(segment.known, [each.bucket for each in found])
    return [FineBucket(bucket, ends.get(bucket.start, bucket.start + MINUTE)) for bucket in merged]


def _uses_rollups(question: Question) -> bool:
    return question.width >= MINUTE and question.rolled_up


async def _closed_hours(
    database: Database, question: Question, now: datetime, deadline: float
) -> AsyncIterator[list[Document]]:
    """Yield the documents of the hours that are over, oldest first, with their minutes where these are needed.

    All lists have HOURS_AT_ONCE but the last, which may be empty.
    """
    hours: list[Document] = []
    if _uses_rollups(question):
        span = question.start - question.start % HOUR, min(question.end, closed_before(now))
        is_coarse = question.width >= HOUR
        found = _hours(database, question, span, AS_A_WHOLE if is_coarse else WITHOUT_IDS, deadline)
        with mongo_errors():
            while len(hours := await found.to_list(HOURS_AT_ONCE)) == HOURS_AT_ONCE:
                yield await _with_minutes(database, question, hours, deadline) if is_coarse else hours
        if is_coarse:
            hours = await _with_minutes(database, question, hours, deadline)
    yield hours


async def _with_minutes(
    database: Database, question: Question, hours: Sequence[Document], deadline: float
) -> list[Document]:
    fuller: dict[str, Document] = {}
    for run in _runs(milliseconds(hour["hour"]) for hour in hours if needs_minutes(question, hour)):
        with mongo_errors():
            found = await _hours(database, question, run, WITHOUT_IDS, deadline).to_list(None)
        fuller |= {hour["_id"]: hour for hour in found}
    return [fuller.get(hour["_id"], hour) for hour in hours]


def _hours(
    database: Database, question: Question, span: Span, fields: dict[str, int], deadline: float
) -> Cursor:
    start, end = map(from_milliseconds, span)
    series = series_of(question.item_id, question.source)
    within = {"item_id": series, "hour": {"$gte": start, "$lt": end}}
    left = milliseconds_left(deadline)
    found = database[SUMMARIES].find(within, fields, max_time_ms=left, batch_size=HOURS_AT_ONCE)
    return found.sort([("item_id", 1), ("hour", 1)])


def _runs(starts: Iterable[int]) -> list[Span]:
    """Return the spans of these hours, oldest first, without those that are near their neighbours."""
    runs: list[Span] = []
    for start in starts:
        first = runs.pop()[0] if runs and start - runs[-1][1] <= NEAR else start
        runs.append((first, start + HOUR))
    return runs


def _lost(hours: Iterable[Document]) -> Iterator[Span]:
    for hour in hours:
        if hour.get("lost"):
            start = milliseconds(hour["hour"])
            yield start, start + HOUR
