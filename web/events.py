"""What the detector found and what became of it, newest last."""

from aiohttp.web import Request
from faust.web import Blueprint, Response

from web.parameters import read_query
from web.spans import Span, page_document, page_of
from web.view import PartsView, parts_of, present

blueprint = Blueprint("events")


@blueprint.route("/api/v1/events", name="events")
class EventsView(PartsView):
    """Uses of the toilet, and rises that nobody saw happen, by their beginning."""

    async def get(self, request: Request) -> Response:
        span = read_query(Span, request)
        history = present(parts_of(request).history, "archive")
        page = await page_of(span, history.events(span.start, span.end, span.limit, span.cursor))
        return self.answer(page_document(span, page, "events", "event_id"))


@blueprint.route("/api/v1/posts", name="posts")
class PostsView(PartsView):
    """Decisions on events: posted, suppressed, stale, refused, failed or dry_run, with their texts."""

    async def get(self, request: Request) -> Response:
        span = read_query(Span, request)
        history = present(parts_of(request).history, "archive")
        page = await page_of(span, history.posts(span.start, span.end, span.limit, span.cursor))
        return self.answer(page_document(span, page, "posts", "event_id"))
