"""Day runs: the parts of a span that days answer, and those between them that the documents of hours must."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from iss_agents.archive.mongo import Database, Document, milliseconds_left, mongo_errors
from iss_agents.archive.rollups.buckets import DAY, HOUR, Bucket
from iss_agents.archive.rollups.days import DAYS, buckets_of, day_of
from iss_agents.archive.rollups.hours import SUMMARIES
from iss_agents.archive.rollups.segments import Question
from iss_agents.archive.rollups.weighting import Span
from iss_agents.telemetry.series import series_of
from iss_agents.telemetry.station_clock import from_milliseconds, milliseconds

DAYS_AT_ONCE = 500
"""Days in memory at once, of 1 KB each. Every batch costs client and embedded database some milliseconds."""


class Run(NamedTuple):
    """Part of the span, in milliseconds: `buckets` of its days, or None if hours must answer.

    These are of days, or of hours (`days.width_of`).
    """

    start: int
    end: int
    buckets: list[Bucket] | None = None


async def day_runs(database: Database, question: Question, unknown: int, deadline: float) -> AsyncIterator[Run]:
    """Yield the runs of a span in time order; from `unknown` on there are readings without rollups.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer before `deadline`, a time of the monotonic clock.
    """
    reached, span = question.start, _whole_days(question, unknown)
    if span[0] < span[1]:
        # Before the days: an hour that is computed in between has marked its day by then.
        dirty = await _dirty(database, question, span, deadline)
        async for documents in _documents(database, question, span, deadline):
            for run in await asyncio.to_thread(_runs, question, documents, dirty):
                if reached < run.start:
                    yield Run(reached, run.start)
                yield run
                reached = run.end
    if reached < question.end:
        yield Run(reached, question.end)


def _whole_days(question: Question, unknown: int) -> Span:
    if question.width < HOUR or not question.rolled_up:
        return question.start, question.start
    end = min(question.end, question.until, unknown)
    return -(-question.start // DAY) * DAY, end // DAY * DAY


async def _dirty(database: Database, question: Question, span: Span, deadline: float) -> frozenset[int]:
    """Return the days with a dirty hour."""
    start, end = map(from_milliseconds, span)
    series = series_of(question.item_id, question.source)
    within = {"item_id": series, "stale": True, "hour": {"$gte": start, "$lt": end}}
    found = database[SUMMARIES].find(within, {"hour": 1}, max_time_ms=milliseconds_left(deadline))
    with mongo_errors():
        return frozenset([day_of(series, hour["hour"]).start async for hour in found])


async def _documents(
    database: Database, question: Question, span: Span, deadline: float
) -> AsyncIterator[list[Document]]:
    start, end = map(from_milliseconds, span)
    within = {"item_id": series_of(question.item_id, question.source), "day": {"$gte": start, "$lt": end}}
    # Days as they are: to leave fields out costs the embedded database more than it saves.
    found = database[DAYS].find(within, max_time_ms=milliseconds_left(deadline), batch_size=DAYS_AT_ONCE)
    found = found.sort("day", 1)
    with mongo_errors():
        while documents := await found.to_list(DAYS_AT_ONCE):
            yield documents


def _runs(question: Question, documents: Sequence[Document], dirty: frozenset[int]) -> list[Run]:
    """Return the runs of neighbouring days that answer."""
    runs: list[Run] = []
    for start, buckets in _answering(question, documents, dirty):
        if runs and runs[-1].end == start and (before := runs[-1].buckets) is not None:
            runs[-1] = Run(runs[-1].start, start + DAY, before)
            before += buckets
        else:
            runs.append(Run(start, start + DAY, buckets))
    return runs


def _answering(
    question: Question, documents: Sequence[Document], dirty: frozenset[int]
) -> Iterator[tuple[int, list[Bucket]]]:
    for document in documents:
        start = milliseconds(document["day"])
        buckets = None if start in dirty else buckets_of(document, question)
        if buckets is not None:
            yield start, buckets
