"""Output of commands: results on standard output, everything else on standard error, no passwords."""

import json

import click

from iss_agents.runtime.printable import printable
from iss_agents.runtime.redaction import redacted


def write(line: str = "") -> None:
    """Print a line of a result for people."""
    click.echo(printable(redacted(line)))


def say(sentence: str) -> None:
    """Print a message that is not part of the result."""
    click.echo(printable(redacted(sentence)), err=True)


def write_json(document: object, indent: int | None = None) -> None:
    """Print a document for programs, with unchanged texts.

    ASCII JSON escapes everything that a terminal acts on, except DEL.
    """
    click.echo(json.dumps(document, indent=indent).replace("\x7f", "\\u007f"))
