"""`items`: every item by discipline, with value, state and age; a single one with what it is."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from iss_agents.cli.api import Api, Parameters
from iss_agents.cli.formatting import age, value
from iss_agents.cli.replies import Item, Items
from iss_agents.runtime.console import show, styled
from iss_agents.runtime.output import say, write_json

SEVERITY_STYLES = {"failure": "bold red", "caution": "yellow", "inactive": "dim"}


def show_items(url: str, text: str, discipline: str, source: str, *, stale: bool, as_json: bool) -> None:
    """Print the items of `discipline` that `text` finds, best first; empty means any."""
    wanted: Parameters = {
        "text": text,
        "discipline": discipline,
        "source": source,
        "stale": "true" if stale else "",
    }
    api = Api(url)
    if as_json:
        found = api.ask(dict[str, Any], "/items", wanted)
        write_json(found)
        return
    items = (api.ask(Items, "/items", wanted)).items
    if not text:
        items.sort(key=lambda item: item.discipline)
    if items:
        show(table(items), *(explained(items[0]) if len(items) == 1 else []))
    else:
        say("No item is like that; `iss-agents items` lists all.")


def table(items: Sequence[Item]) -> Table:
    """Return the items as a table, the discipline of the first one first; stale ones are dim."""
    # The names get the remaining width.
    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    drawn.add_column("item", no_wrap=True)
    drawn.add_column("value", no_wrap=True, max_width=28)
    drawn.add_column("age", justify="right", no_wrap=True)
    drawn.add_column("name", no_wrap=True, overflow="ellipsis", ratio=1)
    by_discipline = defaultdict[str, list[Item]](list)
    for item in items:
        by_discipline[item.discipline].append(item)
    for discipline, members in by_discipline.items():
        drawn.add_row(styled(discipline, "bold cyan"))
        for item in members:
            shown = styled(value(item), SEVERITY_STYLES.get(item.severity or "", ""))
            rest = map(styled, (_age(item), item.plain_name or item.name))
            drawn.add_row(styled(item.item_id), shown, *rest, style="dim" if item.stale else "")
    return drawn


def _age(item: Item) -> str:
    """Return for example `12 s`, `stuck 20 h` or `not seen 3 min`."""
    said = {"stuck": "stuck ", "not_seen": "not seen "}.get(item.freshness, "")
    return said + age(item.age_seconds)


def explained(item: Item) -> list[RenderableType]:
    """Return lines that say what an item is; none if its worker does not know."""
    if not item.description:
        return []
    source = f"Source: {item.description_source}" if item.description_source else ""
    lines = [item.description, item.note, f"Official name: {item.name}", source]
    return [styled(line) for line in ("", *filter(None, lines))]
