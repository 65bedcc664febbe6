"""Trends: the last numbers of every item, for sparklines."""

from typing import Annotated, Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from iss_agents.state_view.trends import Point
from web.base.parameters import SourceQuery, read_query
from web.base.view import WorkerView, context_of, present

blueprint = Blueprint("trends")

PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
"""A point in a reply. What pydantic makes of a tuple is newer than what tools understand."""


class TrendsReply(TypedDict):
    """What this worker has seen the items change to since it started."""

    trends: dict[str, list[Annotated[Point, WithJsonSchema(PAIR)]]]
    """Item id -> up to 60 pairs of milliseconds since 1970 and number, oldest first."""


@blueprint.route("/api/v1/trends", name="trends")
class TrendsView(WorkerView):
    """The last numbers of every item, for small curves."""

    query = SourceQuery
    reply: ClassVar[Any] = TrendsReply

    async def get(self, request: Request) -> Response:
        source = context_of(request).source(read_query(SourceQuery, request).source)
        state = present(context_of(request).state, "web")
        reply: TrendsReply = {"trends": state.replica.trends.points(source)}
        return self.answer(reply)
