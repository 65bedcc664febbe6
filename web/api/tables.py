"""Tables, as their changelogs have them: complete on every worker."""

from typing import Any, ClassVar

from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents.state_view.replica import CHANGELOGS
from iss_agents.state_view.service import StateView
from web.base.parameters import NoParameters, read_query
from web.base.problems import Problem, unavailable
from web.base.view import WorkerView, context_of, present

blueprint = Blueprint("tables")

RETRY_SECONDS = 5


class TableReply(TypedDict):
    """A Table."""

    table: str
    """Its name."""
    complete: bool
    """Whether this worker has read all of it; false for a moment after its start."""
    count: int
    """How many keys it has."""
    entries: dict[str, Any]
    """Key -> value."""


class TableSummary(TypedDict):
    """A Table, without what is in it."""

    table: str
    """Its name."""
    count: int
    """How many keys it has."""


class TablesReply(TypedDict):
    """The Tables."""

    complete: bool
    """Whether this worker has read all of them; false for a moment after its start."""
    tables: list[TableSummary]
    """Each of them, by name."""


class EntryReply(TypedDict):
    """One key of a Table."""

    table: str
    """The name of the Table."""
    key: str
    """The key."""
    value: Any
    """Its value, as the Table has it."""


@blueprint.route("/api/v1/tables", name="list")
class TablesView(WorkerView):
    """The Tables that there are."""

    reply: ClassVar[Any] = TablesReply

    async def get(self, request: Request) -> Response:
        read_query(NoParameters, request)
        state = present(context_of(request).state, "web")
        reply: TablesReply = {
            "complete": state.ready,
            "tables": [{"table": name, "count": len(state.table(name))} for name in sorted(CHANGELOGS)],
        }
        return self.answer(reply)


@blueprint.route("/api/v1/tables/{name}", name="table")
class TableView(WorkerView):
    """Every key of a Table and its value."""

    reply: ClassVar[Any] = TableReply

    async def get(self, request: Request, name: str) -> Response:
        state, table = _read(request, name)
        reply: TableReply = {
            "table": name,
            "complete": state.ready,
            "count": len(table),
            "entries": table,
        }
        return self.answer(reply)


@blueprint.route("/api/v1/tables/{name}/{key}", name="key")
class KeyView(WorkerView):
    """The value of one key of a Table."""

    reply: ClassVar[Any] = EntryReply

    async def get(self, request: Request, name: str, key: str) -> Response:
        state, table = _read(request, name)
        if key in table:
            reply: EntryReply = {"table": name, "key": key, "value": table[key]}
            return self.answer(reply)
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
    state = present(context_of(request).state, "web")
    return state, state.table(name)
