"""`tail`: prints changes of items as they arrive."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from iss_agents.cli.api import Api
from iss_agents.cli.formatting import moment, value
from iss_agents.cli.replies import Item
from iss_agents.cli.sse import follow
from iss_agents.runtime.console import assembled, cut, show_line
from iss_agents.runtime.output import say, write_json

VALUE_WIDTH = 28
"""Columns of a value on a terminal, so that the name after it is visible."""


READING = ("source_ts", "ingest_ts", "value", "status_class")
"""The fields that tell readings apart: a change of the status alone is a change."""


def tail(url: str, items: Sequence[str], source: str, *, as_json: bool) -> None:
    """Print each change of `items` (none means all) by a source, until the program is interrupted.

    Current values are printed first for named items only.
    """
    changes = Changes(told=bool(items))
    api = Api(url)
    for event in follow(api, items, source, lambda: _lost(url), lambda: _back(url)):
        if event.name == "items":
            for document in changes.among(msgspec.json.decode(event.data)["items"]):
                _print(document, as_json=as_json)


class Changes:
    """Change filter of a stream: after a reconnection it may send all items again."""

    def __init__(self, *, told: bool) -> None:
        self._told = told
        self._seen: dict[str, tuple[object, ...]] = {}

    def among(self, documents: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the documents with a new reading."""
        for document in documents:
            reading = tuple(document.get(name) for name in READING)
            if document["source_ts"] and self._seen.get(document["item_id"]) != reading:
                self._seen[document["item_id"]] = reading
                if self._told:
                    yield document
        self._told = True


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(document)
        return
    item = msgspec.convert(document, Item)
    assert item.source_ts  # noqa: S101 - a change has been measured
    time, measured = (moment(item.source_ts), "dim"), (f"{cut(value(item), VALUE_WIDTH):<12}", "bold")
    show_line(assembled(time, f"  {item.item_id:<13}  ", measured, f"  {item.name}"))


def _lost(url: str) -> None:
    say(f"iss-agents: the connection to {url} is lost; trying again.")


def _back(url: str) -> None:
    say(f"iss-agents: the connection to {url} is back.")
