"""Which blueprints the worker serves: these and no others."""

from asyncio import Semaphore

import faust
from faust.web.base import BlueprintManager

from iss_agents.parts import Parts
from web import (
    atom,
    cors,
    events,
    health,
    ingest,
    items,
    metrics,
    openapi,
    page,
    reference,
    status,
    stream,
    summary,
    tables,
    tank,
    telemetry,
    trends,
)
from web.access import guard
from web.broadcast import broadcast_from
from web.exports import exports_from
from web.limits import limit
from web.openapi import SERVED
from web.problem_page import readable_problems
from web.problems import problem_boundary
from web.security_headers import protect
from web.server import Server
from web.telemetry import LARGE_PAGES, MOST_LARGE_PAGES
from web.view import PARTS

BLUEPRINTS = (
    page.blueprint,
    health.blueprint,
    metrics.blueprint,
    items.blueprint,
    trends.blueprint,
    status.blueprint,
    tank.blueprint,
    stream.blueprint,
    tables.blueprint,
    telemetry.blueprint,
    summary.blueprint,
    events.blueprint,
    atom.blueprint,
    ingest.blueprint,
    openapi.blueprint,
    reference.blueprint,
)


def mount(app: faust.App, parts: Parts) -> None:
    """Give `app` a web server with the views of `parts`. Call it before the server starts.

    Faust's own blueprints go: they show memory, configuration and Tables to everyone. Its command line has
    put them into the first server by the time a worker boots, hence a new one.
    """
    server = Server(app)
    server.blueprints = BlueprintManager([("", blueprint) for blueprint in BLUEPRINTS])
    server.web_app[PARTS] = parts
    server.web_app[SERVED] = BLUEPRINTS
    broadcast_from(server.web_app, parts)
    exports_from(server.web_app)
    server.web_app[LARGE_PAGES] = Semaphore(MOST_LARGE_PAGES)
    # The first is the outermost. Preflights bring no token, so they are answered before it is asked for.
    server.web_app.middlewares.extend([readable_problems, problem_boundary])
    limit(server.web_app)
    cors.allow(server.web_app, parts.settings.cors_origins)
    server.web_app.middlewares.append(guard)
    protect(server.web_app)
    app.web = server
