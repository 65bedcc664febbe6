"""A first page: the signal, and where everything is."""

from datetime import UTC, datetime

from aiohttp.web import Request
from faust.web import Blueprint, Response

from iss_agents import catalog
from web.items import signal_state
from web.view import NO_STORE, PartsView, parts_of

blueprint = Blueprint("index")

ADDRESSES = {
    "/healthz": "whether this worker works",
    "/metrics": "metrics for Prometheus",
    "/api/v1/items": "current state of every item",
    "/api/v1/items/NODE3000005": "one item: the urine tank",
    "/api/v1/telemetry?item=NODE3000005&from=-24h": "readings of an item",
    "/api/v1/gaps?from=-24h": "spans in which readings are missing",
    "/api/v1/events?from=-24h": "uses of the toilet, also as a feed: /api/v1/events.atom",
    "/api/v1/posts?from=-24h": "what was said of them, and why not",
    "/api/v1/tables/last_seen": "the Tables: last_seen, tank_levels, tweet_cooldowns",
}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ISS telemetry</title>
<style>body {{ font: 1rem/1.6 system-ui; margin: 3rem auto; max-width: 45rem; padding: 0 1rem }}</style>
<h1>ISS telemetry</h1>
<p>Signal: <strong>{signal}</strong></p>
<ul>
{links}
</ul>
</html>
"""


@blueprint.route("/", name="index")
class IndexView(PartsView):
    """The addresses of this worker, for a person with a browser."""

    async def get(self, request: Request) -> Response:
        state = parts_of(request).state
        clock = state.reading(catalog.SIGNAL_ITEM) if state else None
        page = PAGE.format(signal=signal_state(clock, datetime.now(UTC)), links=_links())
        return self.html(page, headers=dict(NO_STORE))


def _links() -> str:
    links = {address.replace("&", "&amp;"): meaning for address, meaning in ADDRESSES.items()}
    return "\n".join(f'<li><a href="{link}">{link}</a>: {meaning}' for link, meaning in links.items())
