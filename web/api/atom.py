"""Atom feed (RFC 4287) of the uses of the toilet."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

from aiohttp.web import Request
from faust.web import Blueprint, Response

from iss_agents.announcers.texts.text import text_for
from iss_agents.detection.events import Urination
from iss_agents.runtime.printable import printable_lines
from iss_agents.telemetry.station_clock import rfc3339
from web.base.parameters import SourceQuery, read_query
from web.base.spans import Span, page_of
from web.base.view import WorkerView, context_of, present

blueprint = Blueprint("events")

MEDIA = "application/atom+xml"
ATOM = "http://www.w3.org/2005/Atom"
SHOWN = timedelta(days=7)
MOST = 1000
"""Uses of a week at most: four people make about a hundred."""

FEED_ID = "tag:iss-agents,2026:events"


@blueprint.route("/api/v1/events.atom", name="atom")
class AtomView(WorkerView):
    """The uses of the last seven days as an Atom feed, the newest first, each with what is said of it."""

    query = SourceQuery
    media: ClassVar[tuple[str, ...]] = (MEDIA,)

    async def get(self, request: Request) -> Response:
        query = read_query(SourceQuery, request)
        history = present(context_of(request).history, "archive")
        now = datetime.now(UTC)
        span = Span.model_validate({"from": now - SHOWN, "to": now, "limit": MOST}, context={"now": now})
        page = await page_of(span, history.events(span.start, span.end, span.limit, source=query.source))
        uses = [event for event in page.documents if event["kind"] == "use"]
        return self.text(feed(uses[::-1], now), content_type=MEDIA)


def feed(uses: list[dict[str, Any]], now: datetime) -> str:
    """Return the feed of `uses`, documents of the collection `events`, the newest first."""
    root = ET.Element("feed", xmlns=ATOM)
    updated = uses[0]["detected_at"] if uses else now
    _add(root, id=FEED_ID, title="Uses of the toilet on the ISS", updated=rfc3339(updated))
    for use in uses:
        root.append(_entry(use))
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _entry(use: dict[str, Any]) -> ET.Element:
    entry = ET.Element("entry")
    title = f"Tank {use['level_before']:g} % to {use['level_after']:g} %"
    _add(entry, id=f"{FEED_ID}/{use['_id']}", title=title, updated=rfc3339(use["detected_at"]))
    _add(entry, published=rfc3339(use["start"]), summary=_text(use))
    _add(ET.SubElement(entry, "author"), name="iss-agents")
    return entry


def _text(use: dict[str, Any]) -> str:
    fields = {name: value for name, value in use.items() if name in Urination.__struct_fields__}
    return text_for(Urination(event_id=use["_id"], **fields))


def _add(element: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        # XML has no form for control characters, and the line feeds of a text are ours.
        ET.SubElement(element, name).text = printable_lines(text)
