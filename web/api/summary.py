"""Telemetry summary: readings in buckets, for plots of any span."""

from aiohttp.web import AppKey, Application, Request
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from iss_agents.archive.queries.history import Summary
from iss_agents.archive.rollups.buckets import SECOND
from iss_agents.archive.rollups.weighting import WeightedBucket
from iss_agents.telemetry import catalog
from iss_agents.telemetry.station_clock import from_milliseconds, rfc3339
from web.api.held import HeldDocument, held_document
from web.base.parameters import ItemId, read_query
from web.base.spans import Between, Bounds, answered
from web.base.view import Time, WorkerView, context_of, present
from web.base.waiting_line import WaitingLine
from web.current.snapshot import end_of_knowledge

blueprint = Blueprint("summary")

DEFAULT_POINTS = 500
MAX_POINTS = 5000

MOST_SUMMARIES = 2
"""Summaries that a worker computes at once: one computes while the database works for the other. More of them
would not be faster, and each would take longer: with four at once on a busy machine, one to three of six that
span ten years took too long (measured)."""

MOST_WAITING = 200
"""Requests that wait for their turn: as many as several pages full of plots."""

LINE = AppKey("summaries", WaitingLine)
"""Where the web application keeps those who wait for a summary."""


def summaries_from(application: Application) -> None:
    """Let the web application compute summaries."""
    application[LINE] = WaitingLine("summaries", MOST_SUMMARIES, MOST_WAITING)


class SummarySpan(Between):
    """One item over a span of time."""

    item: ItemId
    """The item."""
    points: int = Field(default=DEFAULT_POINTS, ge=1, le=MAX_POINTS)
    """How many buckets are wanted at most."""


class BucketDocument(TypedDict):
    """What is known of a stretch of time: values count for as long as they held, also from before it on.

    Where nothing is known, in a gap, all but start and count is null.
    """

    start: Time
    """When the stretch begins: a multiple of bucket_seconds since 1970."""
    count: int
    """How many readings there are; without any, the value of an earlier one may have held."""
    min: float | None
    """The least number that held; null if no value is one."""
    max: float | None
    """The greatest number that held; null if no value is one."""
    mean: float | None
    """The mean of the numbers over time; null if no value is one, of states, or if it is beyond a double."""
    last: str | None
    """The value at the end, as sent."""
    shares: dict[str, float] | None
    """Of an item with states: number -> its share of the known time, 0 to 1; null of a measure."""


class SummaryReply(Bounds):
    """An item's readings in buckets of one width; first and last hold what lies in the span only."""

    item_id: str
    """The item."""
    name: str
    """Its name."""
    unit: str
    """Its unit; empty if it has none."""
    states: dict[str, str]
    """What its numbers mean, by the whole number; empty if they are measures."""
    bucket_seconds: int
    """How long each bucket is."""
    count: int
    """How many readings all buckets hold."""
    before: HeldDocument | None
    """The value that held when the span began, which is not counted; null if there was none."""
    buckets: list[BucketDocument]
    """All up to now, oldest first."""


@blueprint.route("/api/v1/telemetry/summary", name="summary")
class SummaryView(WorkerView):
    """Least, greatest, mean and last value per stretch of time."""

    query = SummarySpan
    reply = SummaryReply

    async def get(self, request: Request) -> Response:
        span = read_query(SummarySpan, request)
        history = present(context_of(request).history, "archive")
        known_until = end_of_knowledge(context_of(request), span.source)
        asked = (span.item, span.start, span.end, span.points, known_until, span.source)
        async with request.app[LINE].turn():
            summary = await answered(history.summary(*asked))
        return self.answer(_document(span, summary))


def _document(span: SummarySpan, summary: Summary) -> SummaryReply:
    item = catalog.items()[span.item]
    return {
        "item_id": item.item_id,
        "name": item.name,
        "unit": item.unit,
        "states": {str(number): state for number, state in item.states.items()},
        "from": rfc3339(span.start),
        "to": rfc3339(span.end),
        "bucket_seconds": summary.width // SECOND,
        "count": sum(bucket.count for bucket in summary.buckets),
        "before": held_document(item, summary.before) if summary.before else None,
        "buckets": [_bucket(bucket) for bucket in summary.buckets],
    }


def _bucket(bucket: WeightedBucket) -> BucketDocument:
    return {
        "start": rfc3339(from_milliseconds(bucket.start)),
        "count": bucket.count,
        "min": bucket.min,
        "max": bucket.max,
        "mean": bucket.mean,
        "last": bucket.last,
        "shares": bucket.shares,
    }
