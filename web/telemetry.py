"""The archive over HTTP: readings and gaps of a span of time, a page at a time, newest last."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from iss_agents.archive.database import DatabaseAway
from iss_agents.archive.queries import BadCursor, Page
from iss_agents.station_clock import rfc3339
from web.parameters import Instant, ItemId, read_query
from web.problems import bad_input, unavailable
from web.view import PartsView, parts_of, present

blueprint = Blueprint("telemetry")

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


class TelemetrySpan(Span):
    """Readings of these items, or of all if none is named."""

    item: list[ItemId] = []


@blueprint.route("/api/v1/telemetry", name="telemetry")
class TelemetryView(PartsView):
    """Readings by the station's time."""

    async def get(self, request: Request) -> Response:
        span = read_query(TelemetrySpan, request)
        history = present(parts_of(request).history, "archive")
        page = await _page(span, history.telemetry(span.item, span.start, span.end, span.limit, span.cursor))
        return self.answer(_document(span, page, "readings", "event_id"))


@blueprint.route("/api/v1/gaps", name="gaps")
class GapsView(PartsView):
    """Spans in which readings are missing or cannot be trusted; those that touch the span asked for."""

    async def get(self, request: Request) -> Response:
        span = read_query(Span, request)
        history = present(parts_of(request).history, "archive")
        page = await _page(span, history.gaps(span.start, span.end, span.limit, span.cursor))
        return self.answer(_document(span, page, "gaps", "gap_id"))


async def _page(span: Span, question: Awaitable[Page]) -> Page:
    try:
        return await question
    except BadCursor as error:
        raise bad_input("cursor", span.cursor, "the next_cursor of an earlier page, or none") from error
    except DatabaseAway as error:
        raise unavailable(AWAY, retry_after=RETRY_SECONDS) from error


def _document(span: Span, page: Page, name: str, identifier: str) -> dict[str, Any]:
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
