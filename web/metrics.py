"""What Prometheus reads."""

from aiohttp.web import Request
from faust.web import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from web.gauges import measure
from web.view import NO_STORE, PartsView, parts_of

blueprint = Blueprint("metrics")


@blueprint.route("/metrics", name="metrics")
class MetricsView(PartsView):
    """Every metric of this worker in Prometheus' text format."""

    async def get(self, request: Request) -> Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST, **NO_STORE}
        measure(parts_of(request))
        return self.bytes(generate_latest(), headers=headers)
