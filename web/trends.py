"""The numbers that each item has shown since this worker started: enough for a small curve, in memory only."""

from collections import deque
from typing import Annotated, Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from iss_agents.catalog import as_number
from iss_agents.records import Reading
from web.parameters import NoParameters, read_query
from web.view import PartsView, parts_of, present

blueprint = Blueprint("trends")

MOST_POINTS = 60
"""A curve of a few letters' width shows no more."""

Point = tuple[int, float]
"""Milliseconds since 1970, and the number measured then."""

PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
"""A point in a reply. What pydantic makes of a tuple is newer than what tools understand."""


class TrendsReply(TypedDict):
    """What this worker has seen the items change to since it started."""

    trends: dict[str, list[Annotated[Point, WithJsonSchema(PAIR)]]]
    """Item id -> up to 60 pairs of milliseconds since 1970 and number, oldest first."""


class Trends:
    """Item id -> its last numbers. Texts have none."""

    def __init__(self) -> None:
        self._points: dict[str, deque[Point]] = {}

    def add(self, reading: Reading) -> None:
        """Add a reading that is not older than those before."""
        number = as_number(reading.value)
        if number is not None:
            points = self._points.setdefault(reading.item_id, deque(maxlen=MOST_POINTS))
            points.append((reading.sequence, number))

    def points(self) -> dict[str, list[Point]]:
        """Return item id -> its last numbers, oldest first."""
        return {item_id: list(points) for item_id, points in self._points.items()}


@blueprint.route("/api/v1/trends", name="trends")
class TrendsView(PartsView):
    """The last numbers of every item, for small curves."""

    reply: ClassVar[Any] = TrendsReply

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        state = present(parts_of(request).state, "web")
        reply: TrendsReply = {"trends": state.replica.trends.points()}
        return self.answer(reply)
