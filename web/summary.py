"""Telemetry in buckets, for plots: as many as fit a picture, however long the span."""

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from iss_agents import catalog
from iss_agents.archive.buckets import SECOND, Bucket
from iss_agents.archive.queries import Summary
from iss_agents.station_clock import from_milliseconds, rfc3339
from web.parameters import ItemId, read_query
from web.spans import Between, Bounds, answered
from web.view import PartsView, Time, parts_of, present

blueprint = Blueprint("summary")

DEFAULT_POINTS = 500
MAX_POINTS = 5000


class SummarySpan(Between):
    """One item over a span of time."""

    item: ItemId
    """The item."""
    points: int = Field(default=DEFAULT_POINTS, ge=1, le=MAX_POINTS)
    """How many buckets are wanted at most."""


class BucketDocument(TypedDict):
    """The believed readings of a stretch of time."""

    start: Time
    """When the stretch begins: a multiple of bucket_seconds since 1970."""
    count: int
    """How many readings there are."""
    min: float | None
    """The least number; null if no value is one."""
    max: float | None
    """The greatest number; null if no value is one."""
    mean: float | None
    """The mean of the numbers; null if no value is one."""
    last: str
    """The value of the last reading, as sent."""


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
    buckets: list[BucketDocument]
    """Those that hold readings, oldest first."""


@blueprint.route("/api/v1/telemetry/summary", name="summary")
class SummaryView(PartsView):
    """Least, greatest, mean and last value per stretch of time."""

    query = SummarySpan
    reply = SummaryReply

    async def get(self, request: Request) -> Response:
        span = read_query(SummarySpan, request)
        history = present(parts_of(request).history, "archive")
        summary = await answered(history.summary(span.item, span.start, span.end, span.points))
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
        "buckets": [_bucket(bucket) for bucket in summary.buckets],
    }


def _bucket(bucket: Bucket) -> BucketDocument:
    return {
        "start": rfc3339(from_milliseconds(bucket.start)),
        "count": bucket.count,
        "min": bucket.min,
        "max": bucket.max,
        "mean": bucket.mean,
        "last": bucket.last,
    }
