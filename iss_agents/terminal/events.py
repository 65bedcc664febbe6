"""`events`: uses of the toilet, and rises that nobody saw happen, with what was said of them."""

import json
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from iss_agents.instants import instant
from iss_agents.station_clock import rfc3339
from iss_agents.terminal.client import Api, Parameters
from iss_agents.terminal.paper import say, show
from iss_agents.terminal.words import moment

PAGE = 10_000
"""Documents of a page: as many as the API gives at once."""


class _Event(msgspec.Struct):
    start: datetime
    kind: str
    level_before: float
    level_after: float
    delta_percent: float
    confidence: float | None = None


async def show_events(url: str, start: str, end: str, kind: str, *, as_json: bool) -> None:
    """Print the events that began in the span, oldest first; as JSON one a line, the decision as `post`."""
    now = datetime.now(UTC)
    begin = rfc3339(instant(start, now))
    async with Api(url) as api:
        span: Parameters = {"from": begin, "to": rfc3339(instant(end, now)), "limit": PAGE, "kind": kind}
        events = await _pages(api, "events", span)
        # A decision comes after its event, so it may lie beyond the end of the span.
        since: Parameters = {"from": begin, "to": rfc3339(now), "limit": PAGE}
        posts = {post["event_id"]: post for post in await _pages(api, "posts", since)} if events else {}
    told = [{**event, "post": posts.get(event["event_id"])} for event in events]
    if as_json:
        for event in told:
            click.echo(json.dumps(event))
    elif told:
        show(table(told))
    else:
        say(f"No events between {start} and {end}.")


def table(events: list[dict[str, Any]]) -> Table:
    """Return the events as a table."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("begin, UTC", "kind", "rise"):
        drawn.add_column(column, no_wrap=True)
    drawn.add_column("decision")
    drawn.add_column("text", overflow="fold")
    for document in events:
        event, post = msgspec.convert(document, _Event), document["post"] or {}
        change = f"{event.delta_percent:+g} % ({event.level_before:g} to {event.level_after:g})"
        words = " / ".join(line for line in (post.get("text") or "").splitlines() if line)
        row = (moment(event.start), event.kind, change, post.get("decision") or "", words)
        drawn.add_row(*map(Text, row))
    return drawn


async def _pages(api: Api, name: str, parameters: Parameters) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.page(f"/{name}", name, {**parameters, "cursor": cursor})
        documents += page.documents
        cursor = page.next_cursor
    return documents
