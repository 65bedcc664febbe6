"""A span of time in a query, and the page of the archive that answers it, newest last."""

import logging
from collections.abc import Awaitable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from iss_agents.archive.cursor import InvalidCursorError, Page
from iss_agents.archive.mongo import DatabaseUnavailableError, RejectedError
from iss_agents.telemetry.station_clock import rfc3339
from web.base.parameters import Instant, SourceQuery
from web.base.problems import Problem, bad_input, unavailable
from web.base.view import Time

logger = logging.getLogger(__name__)

DEFAULT_SPAN = timedelta(hours=1)
DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
MAX_CURSOR = 8_000
"""Characters. An id in it has up to 1,000, each of up to four bytes."""

RETRY_SECONDS = 5
AWAY = "The database does not answer now, or not in time: try again, or ask for a shorter span"
REJECTED = "The database cannot answer this, whenever it is asked: the log of the worker says why"

INTERNAL = frozenset({"offset"})
"""Fields of documents that order them, and that nobody is told."""

Answer = TypeVar("Answer")


Bounds = TypedDict(
    "Bounds",
    {
        "from": Annotated[Time, Field(description="The beginning of the span.")],
        "to": Annotated[Time, Field(description="Its end, which does not belong to it.")],
    },
)


class PageReply(Bounds):
    """What every page says of itself."""

    count: int
    """How many documents the page has."""
    next_cursor: str | None
    """The parameter cursor of the next page; only null says that this is the last. A page may be short."""


class Between(SourceQuery):
    """A span of time: `start` belongs to it, `end` does not."""

    end: Instant = Field(default="-0s", validate_default=True, alias="to")
    """The end of the span, which does not belong to it; now if left out."""
    start: Instant = Field(default_factory=lambda given: given["end"] - DEFAULT_SPAN, alias="from")
    """The beginning of the span; an hour before its end if left out."""

    @field_validator("start")
    @classmethod
    def _before_the_end(cls, start: datetime, info: ValidationInfo) -> datetime:
        if start > info.data.get("end", start):
            raise PydanticCustomError("order", "a time not after the parameter to")
        return start


class Continued(Between):
    """A span of time that is read from where an earlier page ended."""

    cursor: str | None = Field(default=None, max_length=MAX_CURSOR)
    """The next_cursor of the page before."""


class Span(Continued):
    """A span of time, a page at a time."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    """How many documents a page has at most."""


async def answered(question: Awaitable[Answer]) -> Answer:
    """Return the answer to `question`.

    Raises:
        Problem: 503 while the database does not answer; 500 if it rejects the question itself.
    """
    try:
        return await question
    except RejectedError as error:
        logger.warning("A question of the web server cannot be answered: %s", error)
        raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, REJECTED) from error
    except DatabaseUnavailableError as error:
        raise unavailable(AWAY, retry_after=RETRY_SECONDS) from error


async def page_of(span: Continued, question: Awaitable[Answer]) -> Answer:
    """Return the page, or whatever else, that `question` finds.

    Raises:
        Problem: 400 for a cursor that no page gave, 503 while the database does not answer.
    """
    try:
        return await answered(question)
    except InvalidCursorError as error:
        raise bad_input("cursor", span.cursor, "the next_cursor of an earlier page, or none") from error


def page_reply(span: Between, page: Page) -> PageReply:
    """Return what the answer says of the page itself."""
    return {
        "from": rfc3339(span.start),
        "to": rfc3339(span.end),
        "count": len(page.documents),
        "next_cursor": page.next_cursor,
    }


def shown(document: dict[str, Any], identifier: str) -> Any:
    """Return a document of the archive as it is answered: its id as `identifier`, times as texts."""
    fields = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in document.items()
        if name not in INTERNAL
    }
    return {identifier: fields.pop("_id"), **fields}
