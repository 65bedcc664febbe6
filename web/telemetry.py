"""The archive over HTTP: readings and gaps of a span of time, a page at a time, newest last."""

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import Field

from web.parameters import ItemId, read_query
from web.spans import Span, page_document, page_of
from web.view import PartsView, parts_of, present

blueprint = Blueprint("telemetry")


class TelemetrySpan(Span):
    """Readings of these items, or of all if none is named."""

    item: list[ItemId] = Field(default_factory=list)


@blueprint.route("/api/v1/telemetry", name="telemetry")
class TelemetryView(PartsView):
    """Readings by the station's time."""

    async def get(self, request: Request) -> Response:
        span = read_query(TelemetrySpan, request)
        history = present(parts_of(request).history, "archive")
        page = await page_of(span, history.telemetry(span.item, span.start, span.end, span.limit, span.cursor))
        return self.answer(page_document(span, page, "readings", "event_id"))


@blueprint.route("/api/v1/gaps", name="gaps")
class GapsView(PartsView):
    """Spans in which readings are missing or cannot be trusted; those that touch the span asked for."""

    async def get(self, request: Request) -> Response:
        span = read_query(Span, request)
        history = present(parts_of(request).history, "archive")
        page = await page_of(span, history.gaps(span.start, span.end, span.limit, span.cursor))
        return self.answer(page_document(span, page, "gaps", "gap_id"))
