"""Console output for people: tables and colours, cut to the width of a terminal, plain and uncut elsewhere."""

import sys
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.text import Text

from iss_agents.runtime.printable import printable, printable_lines

PLAIN_WIDTH = 1000
"""Longest line in characters if there is no terminal: enough for every table."""


class PrintableConsole(Console):
    """A console that prints texts literally: no markup, no emoji, no control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the rendered form of a cell, title or line that is a `str`."""
        return super().render_str(printable_lines(text), **options)


def styled(words: str, style: str = "") -> Text:
    """Return one line of text."""
    return Text(printable(words), style)


def assembled(*parts: str | tuple[str, str]) -> Text:
    """Return one line of parts, each plain or with a style."""
    return Text.assemble(*(printable(part) if isinstance(part, str) else styled(*part) for part in parts))


def cut(words: str, width: int) -> str:
    """Return one line, on a terminal at most `width` wide."""
    line = styled(words)
    if sys.stdout.isatty():
        line.truncate(width, overflow="ellipsis")
    return line.plain


def show(*renderables: RenderableType, plain_width: int = PLAIN_WIDTH) -> None:
    """Print to the standard output."""
    if sys.stdout.isatty():
        PrintableConsole().print(*renderables, sep="\n")
        return
    console = PrintableConsole(width=plain_width, color_system=None)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    for line in capture.get().removesuffix("\n").split("\n"):
        click.echo(line.rstrip())


def show_line(line: Text) -> None:
    """Print one line to the standard output immediately: cut on a terminal, uncut elsewhere."""
    if sys.stdout.isatty():
        PrintableConsole().print(line, no_wrap=True, overflow="ellipsis", crop=True)
    else:
        click.echo(line.plain.rstrip())
