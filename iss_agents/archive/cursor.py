"""Keyset cursor of a page: the position (time, id) after which the next page begins, as opaque text."""

import base64
import binascii
import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from iss_agents.archive.mongo import Document
from iss_agents.archive.reading_id import TIME_BYTES, order_of
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.station_clock import ceiling, from_milliseconds, milliseconds


class InvalidCursorError(ValueError):
    """The cursor was not returned by a page of this query."""


OWN_TIME = "source_ts"
"""The time with which the ids of readings begin."""

NO_OFFSET = -1
"""Offset of documents without one, which come before all others of their time."""


class Position(NamedTuple):
    """Position in the order (time, offset, id): readings of one instant are in the order of their arrival.

    Only readings have an offset, and not those that were stored before offsets were. `id` is the text of
    `order_of`: of a reading, it does not say in which form its `_id` is stored.
    """

    time: datetime
    offset: int = NO_OFFSET
    id: str = ""

    @classmethod
    def of(cls, document: Document, time: str) -> "Position":
        """Return the position of a document among those that the field `time` orders."""
        # All readings of a time have ids that begin with it; those of a time of ingest do not.
        prefix = TIME_BYTES if time == OWN_TIME else 0
        return cls(document[time], document.get("offset", NO_OFFSET), order_of(document["_id"], prefix))


class Page(NamedTuple):
    """Documents in time order, newest last. It is the last page only if `next_cursor` is None.

    A page can be short or empty where a long span holds no documents.
    """

    documents: list[Document]
    next_cursor: str | None


class _Cursor(msgspec.Struct, array_like=True):
    collection: str
    milliseconds: int
    id: str
    question: str | None = None
    """None in cursors made before they were bound to a query."""
    offset: int = NO_OFFSET


def question_of(*parts: str, source: Source | None, feed_source: Source) -> str:
    """Return a short hash of the query without its span, which may grow from page to page.

    A cursor holds for one source; the feed's is the same whether it is asked for or not.
    """
    other = () if source in {None, feed_source} else (str(source),)
    return hashlib.sha256(msgspec.json.encode((*parts, *other))).hexdigest()[:12]


def cursor_of(collection: str, question: str, position: Position) -> str:
    """Return `position` as URL-safe text, valid for pages of the same collection and query."""
    cursor = _Cursor(collection, milliseconds(position.time), position.id, question, position.offset)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def position_of(collection: str, question: str, cursor: str, end: datetime) -> Position:
    """Return the position of a cursor for a query whose span ends at `end`.

    Raises:
        InvalidCursorError: see there.
    """
    try:
        fields = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=_Cursor)
        position = Position(from_milliseconds(fields.milliseconds), fields.offset, fields.id)
    except (binascii.Error, UnicodeError, msgspec.DecodeError, OverflowError) as error:
        raise InvalidCursorError("no page returned this cursor; start again without one") from error
    if fields.collection != collection:
        raise InvalidCursorError(
            f"the cursor belongs to {fields.collection}, not to {collection}; start again without one"
        )
    if fields.question not in {question, None}:
        raise InvalidCursorError(
            "the cursor belongs to other items, another kind or another source; start again without one"
        )
    if position.time > ceiling(end):
        raise InvalidCursorError("the cursor belongs to a later span; start again without one")
    return position
