"""Telemetry: readings and gaps of a span from the archive, newest last."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal, NotRequired

from aiohttp.web import AppKey, Request, StreamResponse
from faust.web import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from iss_agents.archive.cursor import Page
from iss_agents.archive.mongo import Document
from iss_agents.archive.queries.history import History
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.value_before import HeldValue
from iss_agents.telemetry import catalog
from iss_agents.telemetry.records import is_acceptable_status
from web.api.exports import Format, export
from web.api.held import HeldDocument, held_document
from web.base.parameters import ItemId, read_query
from web.base.spans import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Continued,
    PageReply,
    Span,
    answered,
    page_of,
    page_reply,
    shown,
)
from web.base.view import Time, WorkerView, context_of, present

blueprint = Blueprint("telemetry")

MOST_ITEMS = 20
"""For more, query all items: each item is a separate database query."""

MOST_LARGE_PAGES = 4
"""Pages of more than DEFAULT_LIMIT readings that are made at once: the longest takes 70 MB. Others wait."""

LARGE_PAGES = AppKey("large pages", asyncio.Semaphore)
"""Where the web application keeps how many more of them may be made."""


class TelemetrySpan(Continued):
    """Readings of some items, or of all, as pages of JSON or as one file."""

    item: list[ItemId] = Field(default_factory=list, max_length=MOST_ITEMS)
    """An item, given once or more; all items if left out."""
    limit: int | None = Field(default=None, ge=1, le=MAX_LIMIT)
    """How many readings at most: 1000 a page if left out, in a file all."""
    form: Literal["json", "csv", "ndjson"] = Field(default="json", alias="format")
    """JSON is paged; csv and ndjson are files, which hold the whole span unless limited."""


class ReadingDocument(TypedDict):
    """One measurement of one item. What is unknown is left out."""

    event_id: str
    """Names the reading, however often it is seen."""
    item_id: str
    """The item."""
    name: NotRequired[str]
    """The item's name."""
    discipline: NotRequired[str]
    """The item's discipline."""
    unit: NotRequired[str]
    """The item's unit; empty if it has none."""
    source_ts: Time
    """When the station took it."""
    ingest_ts: Time
    """When it was received."""
    value: str
    """The value as sent."""
    number: NotRequired[float]
    """The number that the value spells."""
    state: NotRequired[str]
    """What the value means, for items with named states."""
    status_class: NotRequired[str]
    """The feed's Status.Class: 24 is good."""
    good: bool
    """Whether the status vouches for the value: it is good, or was not sent."""
    status_indicator: NotRequired[str]
    """The feed's Status.Indicator."""
    status_color: NotRequired[str]
    """The feed's Status.Color."""
    calibrated_data: NotRequired[str]
    """The feed's CalibratedData."""
    sequence: int
    """source_ts in milliseconds since 1970."""
    source: str
    """isslive, simulated or test."""
    snapshot: bool
    """Whether it is from the snapshot at the start of a session of the feed."""
    session: int
    """Which session of the feed it came in."""
    suspect: NotRequired[str]
    """Why the reading is not trusted: zero_burst or frozen."""
    schema_version: int
    """The version of the record."""


class TelemetryReply(PageReply):
    """A page of readings, by the station's time."""

    before: list[HeldDocument]
    """What each item asked for by name was when the span began; not counted, on the first page only."""
    readings: list[ReadingDocument]
    """The readings, newest last."""


class GapsSpan(Span):
    """Gaps of one item, or of all."""

    item: ItemId | None = None
    """Only gaps that concern this item."""


class GapDocument(TypedDict):
    """A span in which readings are missing or cannot be trusted."""

    gap_id: str
    """Names the gap."""
    cause: str
    """los, silence, outage, restart, overflow or frozen."""
    start: Time
    """When it began."""
    end: Time | None
    """When it ended, or was over at the latest where its worker was killed; null while it lasts."""
    detail: str
    """More, in words."""
    source: str
    """isslive, simulated or test."""
    shard: NotRequired[str]
    """Where several feeds share the items: which of them noted it, such as 2/3. It concerns only that
    feed's items, but a loss of signal (los) all; the parameter item asks for those of one."""
    item_id: NotRequired[str]
    """The only item that it concerns, where it is one."""
    schema_version: int
    """The version of the record."""


class GapsReply(PageReply):
    """A page of gaps, by their beginning."""

    gaps: list[GapDocument]
    """The gaps that touch the span, newest last."""


@blueprint.route("/api/v1/telemetry", name="telemetry")
class TelemetryView(WorkerView):
    """Readings by the station's time, newest last: pages of JSON, or a file.

    A file that cannot be sent completely ends with a broken connection.
    """

    query = TelemetrySpan
    reply = TelemetryReply
    media = ("application/json", "text/csv", "application/x-ndjson")

    async def get(self, request: Request) -> Response | StreamResponse:
        span = read_query(TelemetrySpan, request)
        history = present(context_of(request).history, "archive")
        if span.form != "json":
            return await page_of(span, _file(request, history, span, span.form))
        limit = span.limit or DEFAULT_LIMIT
        async with request.app[LARGE_PAGES] if limit > DEFAULT_LIMIT else nullcontext():
            asked = (span.item, span.start, span.end, limit, span.cursor, span.source)
            page = await page_of(span, history.readings.page(*asked))
            before = (
                [] if span.cursor else await answered(history.values_before(span.item, span.start, span.source))
            )
            # In a thread: the longest page would block the event loop for a tenth of a second.
            return self.answer(await asyncio.to_thread(_telemetry, span, page, before))


@blueprint.route("/api/v1/gaps", name="gaps")
class GapsView(WorkerView):
    """Spans in which readings are missing or cannot be trusted; those that touch the span asked for."""

    query = GapsSpan
    reply = GapsReply

    async def get(self, request: Request) -> Response:
        span = read_query(GapsSpan, request)
        history = present(context_of(request).history, "archive")
        asked = (span.start, span.end, span.limit, span.cursor, span.item, span.source)
        page = await page_of(span, history.gaps(*asked))
        return self.answer(_gaps(span, page))


async def _file(request: Request, history: History, span: TelemetrySpan, form: Format) -> StreamResponse:
    windows = history.readings.windows(span.item, span.start, span.end, span.cursor, source=span.source)
    name = span.item[0] if len(span.item) == 1 else "telemetry"
    return await export(request, windows, form, name, span.limit)


def _telemetry(span: TelemetrySpan, page: Page, before: Sequence[tuple[str, HeldValue]]) -> TelemetryReply:
    return {
        **page_reply(span, page),
        "before": [held_document(catalog.items()[item], held) for item, held in before],
        "readings": [_reading(document) for document in page.documents],
    }


def _reading(document: Document) -> ReadingDocument:
    status = document.get("status_class")
    reading: ReadingDocument = shown({**document, "_id": event_id_of(document)}, "event_id")
    # A document edited by hand may have a status that is not text.
    reading["good"] = is_acceptable_status(None if status is None else str(status))
    return reading


def _gaps(span: Span, page: Page) -> GapsReply:
    return {**page_reply(span, page), "gaps": [shown(document, "gap_id") for document in page.documents]}
