"""Argument types: items and disciplines are checked and completed, and similar ones suggested.

`completion_script` lets a shell complete commands, options, items and disciplines.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import shorten
from typing import Literal

import click
from click import Context, Parameter
from click.shell_completion import CompletionItem, get_completion_class

from iss_agents.errors import UserError
from iss_agents.telemetry import catalog
from iss_agents.telemetry.item_search import known_by

NEAR_NAMES = 3
NAME_LENGTH = 50
FEWEST_LETTERS = 3
"""A shorter text is part of too many names."""

Shell = Literal["bash", "zsh", "fish"]

PROGRAM, VARIABLE = "iss-agents", "_ISS_AGENTS_COMPLETE"
"""The completed program, and the variable by which its script asks Click for completions."""


def known_item(text: str) -> str:
    """Return the id that `text` spells, in any case.

    Raises:
        UserError: there is none; suggests similar ones.
    """
    items = catalog.items()
    by_capitals = {item_id.upper(): item_id for item_id in items}
    if found := catalog.find(text):
        return found.item_id
    near = [by_capitals[each] for each in get_close_matches(text.upper(), by_capitals, NEAR_NAMES)]
    if not near and len(text) >= FEWEST_LETTERS:
        near = [each.item_id for each in known_by(text)]
    shown = ", ".join(
        f"{each} ({shorten(items[each].name, NAME_LENGTH, placeholder=' …')})" for each in near[:NEAR_NAMES]
    )
    hint = f"did you mean {shown}?" if near else "`iss-agents items` lists them."
    raise UserError(f"There is no item {text!r}: {hint}")


def known_discipline(text: str) -> str:
    """Return the discipline that `text` spells, in any case.

    Raises:
        UserError: there is none; lists all.
    """
    by_capitals = {each.upper(): each for each in disciplines()}
    if found := by_capitals.get(text.upper()):
        return found
    raise UserError(f"There is no discipline {text!r}: there are {', '.join(disciplines())}.")


def disciplines() -> list[str]:
    """Return the disciplines of the catalogue."""
    return sorted({item.discipline for item in catalog.items().values()})


def complete_item(_context: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    """Return the ids that begin as `typed`, with their names."""
    items = catalog.items().values()
    return _beginning(typed, ((item.item_id, item.name) for item in items))


def complete_discipline(_context: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    """Return the disciplines that begin as `typed`."""
    return _beginning(typed, ((each, "") for each in disciplines()))


def _beginning(typed: str, known: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    return [
        CompletionItem(text, help=meaning or None)
        for text, meaning in known
        if text.upper().startswith(typed.upper())
    ]


def completion_script(root: click.Command, shell: Shell) -> str:
    """Return the script for `shell`."""
    completion = get_completion_class(shell)
    assert completion  # noqa: S101 - click knows these three
    return completion(root, {}, PROGRAM, VARIABLE).source()
