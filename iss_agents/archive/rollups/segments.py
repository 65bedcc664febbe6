"""Segments: how the hours of an item cover a span, as buckets that are known and raw readings that are not.

`split` walks through the closed hours in time order:

- A clean hour that lies in the span as a whole is answered by its rollup: one bucket, or its minutes.
- Where an end of the span cuts a clean hour, the whole minutes come from the rollup, and the two fractions of
  a minute from the raw readings.
- A dirty hour is aggregated from the raw readings, and merged with the minutes of its earlier rollup, because
  some of its readings may have expired since.
- An hour whose readings expired before their rollup was computed is a gap.
- A time without an hour document is empty, unless the hour is still open, or the backfill has not yet marked
  every old reading: from `unknown` on, such times are aggregated from the raw readings too.

Neighbouring raw segments are coalesced into one query.
"""

from collections.abc import Iterator
from typing import NamedTuple

from iss_agents.archive.mongo import Document
from iss_agents.archive.rollups.buckets import HOUR, MINUTE, Bucket
from iss_agents.archive.rollups.hours import gaps_of_hour, minutes_of, whole_of
from iss_agents.archive.rollups.weighting import NO_GAPS, Gaps
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import milliseconds


class Segment(NamedTuple):
    """Part of the span, in milliseconds; `buckets` is None if its raw readings must be aggregated.

    `known` are its minutes in an earlier rollup, `width` is that of `buckets`, whose integrals are
    `without_gaps` or not.
    """

    start: int
    end: int
    buckets: list[Bucket] | None
    known: tuple[Bucket, ...] = ()
    width: int = MINUTE
    without_gaps: bool = False


class Question(NamedTuple):
    """Query for the readings of an item from a source, from `start` up to `end`, whole milliseconds.

    It is answered in buckets of `width`. After `until` nothing is known. `rolled_up` is False if the rollups of
    the series are those of another feed.
    """

    item_id: str
    source: Source
    start: int
    end: int
    width: int
    until: int
    gaps: Gaps = NO_GAPS
    rolled_up: bool = True


def needs_minutes(question: Question, hour: Document) -> bool:
    """Return whether the answer takes the minutes of an hour, rather than the hour as a whole."""
    start = milliseconds(hour["hour"])
    if hour["stale"]:
        return "count" in hour
    is_cut = start < question.start or start + HOUR > question.end
    return is_cut or question.width < HOUR or not _is_whole(question, hour, start)


def _is_whole(question: Question, hour: Document, start: int) -> bool:
    # The minutes show when the values held: in an hour with gaps that its rollup does not know, or whose rollup
    # is of an older version.
    if not hour["count"]:
        return True
    is_complete = "integral" in hour and not hour.get("lost")
    return is_complete and (not _silent(question, start) or _is_observed(question, hour, start))


def _is_observed(question: Question, hour: Document, start: int) -> bool:
    silent, observed = _silent(question, start), hour.get("observed")
    return bool(silent and observed and observed["gaps"] == silent and start + HOUR <= question.until)


def _silent(question: Question, start: int) -> list[list[int]]:
    return gaps_of_hour(question.gaps, start)


def split(question: Question, hours: list[Document], unknown: int) -> Iterator[Segment]:
    """Yield the segments; from `unknown` on, hours without a document may have readings too."""
    reached = question.start
    for hour in hours:
        start = milliseconds(hour["hour"])
        if not hour["stale"]:
            yield from _raw(max(reached, unknown), start)
            yield from _of_hour(question, hour, start)
        elif start < unknown:
            yield _of_stale(question, hour, start)
        else:
            continue
        reached = start + HOUR
    yield from _raw(max(reached, unknown), question.end)


def _of_stale(question: Question, hour: Document, hour_start: int) -> Segment:
    start, end = max(question.start, hour_start), min(question.end, hour_start + HOUR)
    known = [minute for minute in minutes_of(hour) if start <= minute.start <= end - MINUTE]
    return Segment(start, end, None, tuple(known))


def _of_hour(question: Question, hour: Document, hour_start: int) -> Iterator[Segment]:
    start, end = max(question.start, hour_start), min(question.end, hour_start + HOUR)
    if end - start == HOUR:
        if question.width >= HOUR and _is_whole(question, hour, start):
            observed = _is_observed(question, hour, start)
            whole = whole_of(hour, observed=observed and bool(hour["count"]))
            yield Segment(start, end, whole, width=HOUR, without_gaps=observed)
        else:
            yield Segment(start, end, minutes_of(hour))
        return
    first, last = -(-start // MINUTE) * MINUTE, end // MINUTE * MINUTE
    if first >= last:
        yield from _raw(start, end)
        return
    yield from _raw(start, first)
    yield Segment(first, last, [minute for minute in minutes_of(hour) if first <= minute.start < last])
    yield from _raw(last, end)


def _raw(start: int, end: int) -> Iterator[Segment]:
    if start < end:
        yield Segment(start, end, None)


def coalesced(segments: Iterator[Segment]) -> Iterator[Segment]:
    """Yield the segments, with neighbouring raw ones coalesced into one query."""
    waiting: Segment | None = None
    for segment in segments:
        if waiting and segment.buckets is None and segment.start == waiting.end:
            waiting = Segment(waiting.start, segment.end, None, waiting.known + segment.known)
            continue
        if waiting:
            yield waiting
        waiting = segment if segment.buckets is None else None
        if segment.buckets is not None:
            yield segment
    if waiting:
        yield waiting
