"""The Tables as their changelogs have them: complete on every worker."""

from typing import Any

from aiohttp.web import Request
from faust.web import Blueprint, Response

from web.parameters import NoParameters, read_query
from web.problems import Problem, unavailable
from web.replica import CHANGELOGS
from web.state import StateView
from web.view import PartsView, parts_of, present

blueprint = Blueprint("tables")

RETRY_SECONDS = 5


@blueprint.route("/api/v1/tables/{name}", name="table")
class TableView(PartsView):
    """Every key of a Table and its value."""

    async def get(self, request: Request, name: str) -> Response:
        state, table = _read(request, name)
        return self.answer({"table": name, "complete": state.ready, "count": len(table), "entries": table})


@blueprint.route("/api/v1/tables/{name}/{key}", name="key")
class KeyView(PartsView):
    """The value of one key of a Table."""

    async def get(self, request: Request, name: str, key: str) -> Response:
        state, table = _read(request, name)
        if key in table:
            return self.answer({"table": name, "key": key, "value": table[key]})
        if not state.ready:
            raise unavailable(f"The Table {name} is still being read from Kafka", retry_after=RETRY_SECONDS)
        raise Problem(404, f"The Table {name} has no key {key}", parameter="key", value=key)


def _read(request: Request, name: str) -> tuple[StateView, dict[str, Any]]:
    read_query(NoParameters, request)
    names = sorted(CHANGELOGS)
    if name not in names:
        raise Problem(
            404,
            f"There is no Table {name}",
            parameter="name",
            value=name,
            expected=f"one of {', '.join(names)}",
        )
    state = present(parts_of(request).state, "web")
    return state, state.table(name)
