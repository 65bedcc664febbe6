"""`events`: uses of the toilet, and unobserved rises of the tank, with their posts."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.table import Table

from iss_agents.cli.api import Api, Parameters
from iss_agents.cli.formatting import moment
from iss_agents.runtime.console import show, styled
from iss_agents.runtime.output import say, write_json
from iss_agents.telemetry.plain_words import DECISIONS
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.time_expressions import instant

PAGE = 10_000
"""Documents per page: the API's maximum."""


class _Event(msgspec.Struct):
    start: datetime
    kind: str
    level_before: float
    level_after: float
    delta_percent: float
    confidence: float | None = None


def show_events(url: str, start: str, end: str, kind: str, source: str, *, as_json: bool) -> None:
    """Print the events of a source that began in the span, oldest first.

    As JSON it is one per line, the decision as `post`.
    """
    now = datetime.now(UTC)
    begin = rfc3339(instant(start, now))
    api = Api(url)
    span: Parameters = {"from": begin, "to": rfc3339(instant(end, now)), "limit": PAGE, "source": source}
    events = _pages(api, "events", {**span, "kind": kind})
    # A decision comes after its event, so it may lie beyond the end of the span.
    since: Parameters = {**span, "to": rfc3339(now)}
    posts = {post["event_id"]: post for post in _pages(api, "posts", since)} if events else {}
    told = [{**event, "post": posts.get(event["event_id"])} for event in events]
    if as_json:
        for event in told:
            write_json(event)
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
        row = (moment(event.start), event.kind, change, _called(post.get("decision") or ""), words)
        drawn.add_row(*map(styled, row))
    return drawn


def _called(decision: str) -> str:
    return DECISIONS.get(decision, decision)


def _pages(api: Api, name: str, parameters: Parameters) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.page(f"/{name}", name, {**parameters, "cursor": cursor})
        documents += page.documents
        cursor = page.next_cursor
    return documents
