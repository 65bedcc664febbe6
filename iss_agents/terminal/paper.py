"""Where the commands write: in colour and cut to the width on a terminal, plain and whole elsewhere."""

import sys

import click
from rich.console import Console, RenderableType
from rich.text import Text

PLAIN_WIDTH = 1000
"""Characters of a line at most where there is no terminal: enough for every table."""


def show(*renderables: RenderableType) -> None:
    """Print to the standard output."""
    if sys.stdout.isatty():
        Console().print(*renderables, sep="\n")
        return
    console = Console(width=PLAIN_WIDTH, color_system=None)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def show_line(line: Text) -> None:
    """Print one line to the standard output, now: cut on a terminal, whole elsewhere."""
    if sys.stdout.isatty():
        Console().print(line, no_wrap=True, overflow="ellipsis", crop=True)
    else:
        click.echo(line.plain.rstrip())


def say(sentence: str) -> None:
    """Tell the person something that is no part of the output."""
    click.echo(sentence, err=True)
