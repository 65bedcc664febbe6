"""Which blueprints the worker serves: these and no others."""

import faust
from faust.web.base import BlueprintManager
from faust.web.drivers.aiohttp import Web

from iss_agents.parts import Parts
from web import atom, events, health, index, ingest, items, metrics, tables, telemetry
from web.problems import problem_boundary
from web.view import PARTS

BLUEPRINTS = (
    index.blueprint,
    health.blueprint,
    metrics.blueprint,
    items.blueprint,
    tables.blueprint,
    telemetry.blueprint,
    events.blueprint,
    atom.blueprint,
    ingest.blueprint,
)


def mount(app: faust.App, parts: Parts) -> None:
    """Give `app` a web server with the views of `parts`. Call it before the server starts.

    Faust's own blueprints go: they show memory, configuration and Tables to everyone. Its command line has
    put them into the first server by the time a worker boots, hence a new one.
    """
    server = Web(app)
    server.blueprints = BlueprintManager([("", blueprint) for blueprint in BLUEPRINTS])
    server.web_app[PARTS] = parts
    server.web_app.middlewares.append(problem_boundary)
    app.web = server
