"""A span of time in a query, and the page of the archive that answers it, newest last."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from iss_agents.archive.database import DatabaseAway
from iss_agents.archive.queries import BadCursor, Page
from iss_agents.station_clock import rfc3339
from web.parameters import Instant
from web.problems import bad_input, unavailable

DEFAULT_SPAN = timedelta(hours=1)
DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
RETRY_SECONDS = 5
AWAY = "The database does not answer now, or not in time: try again, or ask for a shorter span"


class Span(BaseModel):
    """From `start` up to `end`: the last hour unless said otherwise, at most `limit` documents a page."""

    model_config = ConfigDict(extra="forbid")

    end: Instant = Field(default="-0s", validate_default=True, alias="to")
    start: Instant = Field(default_factory=lambda given: given["end"] - DEFAULT_SPAN, alias="from")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = None

    @field_validator("start")
    @classmethod
    def _before_the_end(cls, start: datetime, info: ValidationInfo) -> datetime:
        if start > info.data.get("end", start):
            raise PydanticCustomError("order", "a time not after the parameter to")
        return start


async def page_of(span: Span, question: Awaitable[Page]) -> Page:
    """Return the page that `question` finds.

    Raises:
        Problem: 400 for a cursor that no page gave, 503 while the database does not answer.
    """
    try:
        return await question
    except BadCursor as error:
        raise bad_input("cursor", span.cursor, "the next_cursor of an earlier page, or none") from error
    except DatabaseAway as error:
        raise unavailable(AWAY, retry_after=RETRY_SECONDS) from error


def page_document(span: Span, page: Page, name: str, identifier: str) -> dict[str, Any]:
    """Return the answer: the span, the documents as `name`, their ids as `identifier`, and the next cursor."""
    return {
        "from": rfc3339(span.start),
        "to": rfc3339(span.end),
        "count": len(page.documents),
        "next_cursor": page.next_cursor,
        name: [_shown(document, identifier) for document in page.documents],
    }


def _shown(document: dict[str, Any], identifier: str) -> dict[str, Any]:
    fields = {
        name: rfc3339(value) if isinstance(value, datetime) else value for name, value in document.items()
    }
    return {identifier: fields.pop("_id"), **fields}
