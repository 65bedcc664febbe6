"""Routes: the blueprints that the worker serves."""

from asyncio import Semaphore

import faust
from faust.web.base import BlueprintManager

from web.api import (
    atom,
    events,
    health,
    ingest,
    items,
    metrics,
    status,
    summary,
    tables,
    tank,
    telemetry,
    trends,
)
from web.api.exports import exports_from
from web.api.summary import summaries_from
from web.api.telemetry import LARGE_PAGES, MOST_LARGE_PAGES
from web.base.context import WorkerContext
from web.base.problems import problem_boundary
from web.base.view import CONTEXT
from web.edge import cors
from web.edge.auth import guard
from web.edge.compression import compress
from web.edge.headers import protect
from web.edge.hosts import answer_to_own_names
from web.edge.rate_limit import limit
from web.edge.server import Server
from web.openapi import document, page
from web.openapi.document import SERVED
from web.pages import pages
from web.pages.problem_page import readable_problems
from web.sse import views
from web.sse.broadcast import broadcast_from

BLUEPRINTS = (
    pages.blueprint,
    health.blueprint,
    metrics.blueprint,
    items.blueprint,
    trends.blueprint,
    status.blueprint,
    tank.blueprint,
    views.blueprint,
    tables.blueprint,
    telemetry.blueprint,
    summary.blueprint,
    events.blueprint,
    atom.blueprint,
    ingest.blueprint,
    document.blueprint,
    page.blueprint,
)


def mount(app: faust.App, context: WorkerContext) -> None:
    """Give `app` a web server with the views of `context`. Call it before the server starts.

    Faust's own blueprints go: they show memory, configuration and Tables to everyone. Its command line has
    put them into the first server by the time a worker boots, hence a new one.
    """
    server = Server(app)
    server.blueprints = BlueprintManager([("", blueprint) for blueprint in BLUEPRINTS])
    server.web_app[CONTEXT] = context
    server.web_app[SERVED] = BLUEPRINTS
    broadcast_from(server.web_app, context)
    exports_from(server.web_app)
    summaries_from(server.web_app)
    server.web_app[LARGE_PAGES] = Semaphore(MOST_LARGE_PAGES)
    # The first is the outermost.
    compress(server.web_app)
    # Preflights bring no token, so they are answered before it is asked for.
    server.web_app.middlewares.extend([readable_problems, problem_boundary, answer_to_own_names])
    limit(server.web_app)
    cors.allow(server.web_app, context.settings.cors_origins)
    server.web_app.middlewares.append(guard)
    protect(server.web_app)
    app.web = server
