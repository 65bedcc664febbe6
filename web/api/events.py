"""Events of the detector, and the decisions on them, newest last."""

from datetime import timedelta
from http import HTTPStatus
from typing import Literal, NotRequired

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from iss_agents.archive.cursor import Page
from iss_agents.archive.queries.event_counts import Uses
from iss_agents.telemetry.station_clock import rfc3339
from web.base.parameters import Instant, NoParameters, TimeZone, read_query
from web.base.problems import Problem
from web.base.spans import Between, Bounds, PageReply, Span, answered, page_of, page_reply, shown
from web.base.view import Time, WorkerView, context_of, present

blueprint = Blueprint("events")

EXPECTED_EVENT = "the id of an event; GET /api/v1/events lists them"
SUMMED = timedelta(days=30)


class EventsSpan(Span):
    """Events that began in a span of time."""

    kind: Literal["use", "unobserved"] | None = None
    """Uses, or unobserved rises of the tank; both if left out."""


class UsesSpan(Between):
    """A span of time, by day or hour."""

    start: Instant = Field(default_factory=lambda given: given["end"] - SUMMED, alias="from")
    """The beginning of the span; 30 days before its end if left out."""
    by: Literal["day", "hour"] = "day"
    """How long each bucket is."""
    tz: TimeZone = Field(default="UTC", validate_default=True)
    """Whose days and hours they are: a name such as Europe/Rome; UTC if left out."""


class ConfidenceDocument(TypedDict):
    """What makes a use sure, each 0 to 1."""

    size: float
    """A rise of 4 % or more is full."""
    steadiness: float
    """Whether the level stays where the rise ended."""
    pace: float
    """Whether the rise took the time that uses take."""
    evidence: float
    """Six readings or more are full."""


class EventDocument(TypedDict):
    """A use of the toilet, or an unobserved rise of the tank. Levels are percent of the tank."""

    event_id: str
    """Names the event."""
    kind: str
    """use or unobserved."""
    start: Time
    """When the rise began; of an unobserved one, when the level was last known."""
    end: Time
    """When the rise ended; of an unobserved one, when the level was known again."""
    detected_at: Time
    """The station's time of the reading that decided."""
    level_before: float
    """The level before, percent."""
    level_after: float
    """The level after, percent."""
    delta_percent: float
    """By how much it rose."""
    confidence: NotRequired[float]
    """How sure a use is, 0 to 1: the mean of its parts."""
    confidence_parts: NotRequired[ConfidenceDocument]
    """The parts of the confidence."""
    processor_running: bool
    """Whether the urine processor ran."""
    readings: int
    """How many readings of the level it rests on."""
    source: str
    """isslive if every reading came from the public feed, else simulated or test."""
    reading_ids: NotRequired[list[str]]
    """Readings that it follows from: the first of the rise, the last that was higher, the one that decided."""
    schema_version: int
    """The version of the record."""


class AnnouncementDocument(TypedDict):
    """The outcome of a text at one announcer."""

    announcer: str
    """The announcer."""
    outcome: str
    """posted, dry_run, failed or refused."""
    attempts: int
    """How many attempts were made."""
    post_id: NotRequired[str | None]
    """The id of the post, if there is one."""
    error: NotRequired[str | None]
    """Why it was not posted."""


class PostDocument(TypedDict):
    """What was decided on one event."""

    event_id: str
    """The event."""
    decision: str
    """posted, dry_run, failed, refused, suppressed or stale."""
    decided_at: Time
    """When it was decided."""
    detected_at: Time
    """When the event was detected."""
    text: str
    """The text, whether it was posted or not."""
    source: str
    """isslive, simulated or test."""
    announcements: NotRequired[list[AnnouncementDocument]]
    """The outcome at each announcer; empty if there was none."""
    reading_ids: NotRequired[list[str]]
    """The readings that the event follows from, the one that decided at the end."""
    schema_version: int
    """The version of the record."""


class EventsReply(PageReply):
    """A page of events, by their beginning."""

    events: list[EventDocument]
    """The events, newest last."""


class PostsReply(PageReply):
    """A page of decisions, by their time."""

    posts: list[PostDocument]
    """The decisions, newest last."""


class EventReply(EventDocument):
    """One event and what was decided on it."""

    post: PostDocument | None
    """The decision; null if there is none (yet)."""


class UsesDocument(TypedDict):
    """The events that began in one day or hour, UTC."""

    start: Time
    """When the day or hour begins."""
    uses: int
    """How many uses there were."""
    unobserved: int
    """How many unobserved rises there were."""
    percent: float
    """By how much the uses filled the tank, percent."""


class UsesReply(Bounds):
    """Events counted by day or hour."""

    by: str
    """day or hour."""
    tz: str
    """The zone whose days or hours they are."""
    buckets: list[UsesDocument]
    """Those with events, oldest first."""


@blueprint.route("/api/v1/events", name="events")
class EventsView(WorkerView):
    """Uses of the toilet, and unobserved rises of the tank, in order of their beginning."""

    query = EventsSpan
    reply = EventsReply

    async def get(self, request: Request) -> Response:
        span = read_query(EventsSpan, request)
        history = present(context_of(request).history, "archive")
        question = history.events(span.start, span.end, span.limit, span.cursor, span.kind, span.source)
        return self.answer(_events(span, await page_of(span, question)))


@blueprint.route("/api/v1/events/summary", name="uses")
class UsesView(WorkerView):
    """Uses by day or hour, UTC."""

    query = UsesSpan
    reply = UsesReply

    async def get(self, request: Request) -> Response:
        span = read_query(UsesSpan, request)
        history = present(context_of(request).history, "archive")
        question = history.uses(span.start, span.end, span.by, span.tz, span.source)
        return self.answer(_uses(span, await answered(question)))


@blueprint.route("/api/v1/events/{event_id}", name="event")
class EventView(WorkerView):
    """One event, and what was decided on it."""

    reply = EventReply

    async def get(self, request: Request, event_id: str) -> Response:
        read_query(NoParameters, request)
        history = present(context_of(request).history, "archive")
        event = await answered(history.event(event_id))
        if event is None:
            raise _no_event(event_id)
        post = event.pop("post")
        document = {**shown(event, "event_id"), "post": shown(post, "event_id") if post else None}
        return self.answer(document)


@blueprint.route("/api/v1/posts", name="posts")
class PostsView(WorkerView):
    """Decisions on events: posted, suppressed, stale, refused, failed or dry_run, with their texts."""

    query = Span
    reply = PostsReply

    async def get(self, request: Request) -> Response:
        span = read_query(Span, request)
        history = present(context_of(request).history, "archive")
        question = history.posts(span.start, span.end, span.limit, span.cursor, span.source)
        page = await page_of(span, question)
        return self.answer(_posts(span, page))


def _events(span: Span, page: Page) -> EventsReply:
    return {**page_reply(span, page), "events": [shown(document, "event_id") for document in page.documents]}


def _posts(span: Span, page: Page) -> PostsReply:
    return {**page_reply(span, page), "posts": [shown(document, "event_id") for document in page.documents]}


def _uses(span: UsesSpan, found: list[Uses]) -> UsesReply:
    buckets: list[UsesDocument] = [
        {
            "start": rfc3339(uses.start),
            "uses": uses.uses,
            "unobserved": uses.unobserved,
            "percent": uses.percent,
        }
        for uses in found
    ]
    return {
        "from": rfc3339(span.start),
        "to": rfc3339(span.end),
        "by": span.by,
        "tz": str(span.tz),
        "buckets": buckets,
    }


def _no_event(event_id: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        f"There is no event {event_id}",
        parameter="event_id",
        value=event_id,
        expected=EXPECTED_EVENT,
    )
