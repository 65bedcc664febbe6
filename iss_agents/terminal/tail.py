"""`tail`: what changes, line by line, as it comes."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec
from rich.text import Text

from iss_agents.terminal.answers import Item
from iss_agents.terminal.client import Api
from iss_agents.terminal.following import follow
from iss_agents.terminal.paper import say, show_line
from iss_agents.terminal.words import moment, value


async def tail(url: str, items: Sequence[str], *, as_json: bool) -> None:
    """Print each change of `items` (none means all), until the program is interrupted.

    Where they stand at the beginning is printed of named items only.
    """
    changes = Changes(told=bool(items))
    async with Api(url) as api:
        async for event in follow(api, items, lambda: _lost(url), lambda: _back(url)):
            if event.name == "items":
                for document in changes.among(msgspec.json.decode(event.data)["items"]):
                    _print(document, as_json=as_json)


class Changes:
    """What of the items that a stream sends is new: a new connection may send all of them again."""

    def __init__(self, *, told: bool) -> None:
        self._told = told
        self._seen: dict[str, tuple[str, str]] = {}

    def among(self, documents: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the documents with a reading that was not there before."""
        for document in documents:
            reading = document["source_ts"], document["value"]
            if document["source_ts"] and self._seen.get(document["item_id"]) != reading:
                self._seen[document["item_id"]] = reading
                if self._told:
                    yield document
        self._told = True


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
        return
    item = msgspec.convert(document, Item)
    assert item.source_ts  # noqa: S101 - a change has been measured
    time, measured = (moment(item.source_ts), "dim"), (f"{value(item):<12}", "bold")
    show_line(Text.assemble(time, f"  {item.item_id:<13}  ", measured, f"  {item.name}"))


def _lost(url: str) -> None:
    say(f"iss-agents: the connection to {url} is lost; trying again.")


def _back(url: str) -> None:
    say(f"iss-agents: the connection to {url} is back.")
