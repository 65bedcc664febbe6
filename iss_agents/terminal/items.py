"""`items`: every item by discipline, with value, state and age."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from iss_agents.terminal.answers import Item, Items
from iss_agents.terminal.client import Api, Parameters
from iss_agents.terminal.paper import say, show
from iss_agents.terminal.words import age, value


async def show_items(url: str, text: str, discipline: str, *, stale: bool, as_json: bool) -> None:
    """Print the items that have `text` in id, name or state, of `discipline`; empty means any."""
    wanted: Parameters = {"text": text, "discipline": discipline, "stale": "true" if stale else ""}
    async with Api(url) as api:
        if as_json:
            found = await api.ask(dict[str, Any], "/items", wanted)
            click.echo(json.dumps(found))
            return
        items = (await api.ask(Items, "/items", wanted)).items
    if items:
        show(table(items))
    else:
        say("No item is like that; `iss-agents items` lists all.")


def table(items: Sequence[Item]) -> Table:
    """Return the items as a table, each discipline under its name; what is stale is dim."""
    # The names get what is left of the width.
    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    drawn.add_column("item", no_wrap=True)
    drawn.add_column("value", no_wrap=True, max_width=28)
    drawn.add_column("age", justify="right", no_wrap=True)
    drawn.add_column("name", no_wrap=True, overflow="ellipsis", ratio=1)
    by_discipline = sorted(items, key=lambda item: item.discipline)
    for discipline, members in groupby(by_discipline, key=lambda item: item.discipline):
        drawn.add_row(Text(discipline, "bold cyan"))
        for item in members:
            row = (item.item_id, value(item), age(item.age_seconds), item.name)
            drawn.add_row(*map(Text, row), style="dim" if item.stale else "")
    return drawn
