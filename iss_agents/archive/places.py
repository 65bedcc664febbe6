"""Places in the order of time, and the cursors that carry them from one page to the next."""

import base64
import binascii
from datetime import datetime
from typing import NamedTuple

import msgspec

from iss_agents.archive.database import Document
from iss_agents.station_clock import from_milliseconds, milliseconds


class BadCursor(ValueError):  # noqa: N818 - says what happened
    """The cursor is none that a page gave."""


class Place(NamedTuple):
    """In the order (time, id): what comes after it has a later time, or the same and a greater id."""

    time: datetime
    id: str = ""


class Page(NamedTuple):
    """Documents in the order of time, newest last. Only a `next_cursor` that is None says that it is the last.

    A page can be short or empty, when there was long nothing to find.
    """

    documents: list[Document]
    next_cursor: str | None


def cursor_of(collection: str, place: Place) -> str:
    """Return `place` as a text for addresses, good for pages of the same collection."""
    fields = collection, milliseconds(place.time), place.id
    return base64.urlsafe_b64encode(msgspec.json.encode(fields)).decode()


def place_of(collection: str, cursor: str) -> Place:
    """Return the place of a cursor.

    Raises:
        BadCursor: see there.
    """
    try:
        fields = base64.urlsafe_b64decode(cursor.encode())
        kind, count, last_id = msgspec.json.decode(fields, type=tuple[str, int, str])
        place = Place(from_milliseconds(count), last_id)
    except (binascii.Error, UnicodeError, msgspec.DecodeError, OverflowError) as error:
        raise BadCursor("the cursor is none that a page gave; begin again without one") from error
    if kind != collection:
        raise BadCursor(f"the cursor is of {kind}, not of {collection}; begin again without one")
    return place
