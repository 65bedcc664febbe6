"""Buckets of an item's readings over any span: from the summarised hours where these are good, else folded.

What is asked is cut into pieces, which follow each other in time: hours and minutes that lie in the span whole
come from `summaries`; what its ends cut, and hours that are open or stale, from `readings`. A stale hour that
was summarised before has its minutes too, because its readings may have expired since.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from iss_agents.archive.buckets import HOUR, MINUTE, Bucket, merged
from iss_agents.archive.catch_up import caught_up
from iss_agents.archive.database import Database, Document, TooSlow, away_if_it_fails
from iss_agents.archive.folding import fold
from iss_agents.archive.hours import SUMMARIES, closed_before, fuller, minutes_of, whole_of
from iss_agents.station_clock import from_milliseconds, milliseconds


class Piece(NamedTuple):
    """A stretch of the span, in milliseconds; `buckets` is None if its readings have to be folded.

    `known` are minutes of the stretch that were summarised earlier.
    """

    start: int
    end: int
    buckets: list[Bucket] | None
    known: tuple[Bucket, ...] = ()


class Question(NamedTuple):
    """What is asked: an item from `start` up to `end`, whole milliseconds, in buckets of `width`."""

    item_id: str
    start: int
    end: int
    width: int


async def answer(database: Database, question: Question, now: datetime, seconds: float) -> list[Bucket]:
    """Return the buckets that have believed readings, oldest first.

    Raises:
        DatabaseAway: MongoDB did not answer within `seconds`.
    """
    deadline = monotonic() + seconds
    buckets: list[Bucket] = []
    pieces = _joined(await _pieces(database, question, now, deadline))
    # In a thread, as below: a month of minutes would hold up the loop for a quarter of a second.
    for piece in await asyncio.to_thread(list, pieces):
        if piece.buckets is None:
            buckets += await _folded(database, question, piece, deadline)
        else:
            buckets += piece.buckets
    return await asyncio.to_thread(merged, buckets, question.width)


async def _folded(database: Database, question: Question, piece: Piece, deadline: float) -> list[Bucket]:
    start, end = from_milliseconds(piece.start), from_milliseconds(piece.end)
    width = MINUTE if piece.known else question.width
    buckets = await fold(database, question.item_id, start, end, width, _left(deadline))
    return fuller(piece.known, buckets) if piece.known else buckets


async def _pieces(database: Database, question: Question, now: datetime, deadline: float) -> Iterator[Piece]:
    if question.width < MINUTE:
        return iter([Piece(question.start, question.end, None)])
    # Until all that was there before has been marked, nothing follows from a document that is missing.
    all_marked = await caught_up(database, _left(deadline))
    closed = closed_before(now)
    hours = [hour for hour in await _hours(database, question, deadline) if milliseconds(hour["hour"]) < closed]
    return _cut(question, hours, -(-closed // HOUR) * HOUR if all_marked else question.start)


async def _hours(database: Database, question: Question, deadline: float) -> list[Document]:
    first = from_milliseconds(question.start - question.start % HOUR)
    within = {"item_id": question.item_id, "hour": {"$gte": first, "$lt": from_milliseconds(question.end)}}
    with away_if_it_fails():
        found = await database[SUMMARIES].find(within, max_time_ms=_left(deadline)).to_list(None)
    return sorted(found, key=lambda hour: hour["hour"])


def _cut(question: Question, hours: list[Document], unknown: int) -> Iterator[Piece]:
    """Yield the pieces; from `unknown` on, readings may lie in hours that are not among `hours`."""
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


def _of_stale(question: Question, hour: Document, hour_start: int) -> Piece:
    start, end = max(question.start, hour_start), min(question.end, hour_start + HOUR)
    known = [minute for minute in minutes_of(hour) if start <= minute.start <= end - MINUTE]
    return Piece(start, end, None, tuple(known))


def _of_hour(question: Question, hour: Document, hour_start: int) -> Iterator[Piece]:
    start, end = max(question.start, hour_start), min(question.end, hour_start + HOUR)
    if end - start == HOUR:
        yield Piece(start, end, whole_of(hour) if question.width >= HOUR else minutes_of(hour))
        return
    first, last = -(-start // MINUTE) * MINUTE, end // MINUTE * MINUTE
    if first >= last:
        yield from _raw(start, end)
        return
    yield from _raw(start, first)
    yield Piece(first, last, [minute for minute in minutes_of(hour) if first <= minute.start < last])
    yield from _raw(last, end)


def _raw(start: int, end: int) -> Iterator[Piece]:
    if start < end:
        yield Piece(start, end, None)


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield the pieces; neighbours that have to be folded as one, which is one question."""
    waiting: Piece | None = None
    for piece in pieces:
        if waiting and piece.buckets is None and piece.start == waiting.end:
            waiting = Piece(waiting.start, piece.end, None, waiting.known + piece.known)
            continue
        if waiting:
            yield waiting
        waiting = piece if piece.buckets is None else None
        if piece.buckets is not None:
            yield piece
    if waiting:
        yield waiting


def _left(deadline: float) -> int:
    left = round((deadline - monotonic()) * 1000)
    if left < 1:
        raise TooSlow("MongoDB took too long; ask for a shorter span or fewer items")
    return left
