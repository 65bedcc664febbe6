"""Commands that query a running worker. Each imports what it runs when it runs."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from iss_agents.cli.arguments import (
    Shell,
    complete_discipline,
    complete_item,
    completion_script,
    known_discipline,
    known_item,
)
from iss_agents.config.worker_address import load_worker_address
from iss_agents.errors import UserError
from iss_agents.runtime.output import write
from iss_agents.runtime.redaction import without_password
from iss_agents.telemetry.series import SOURCES
from iss_agents.telemetry.time_expressions import FORMS

Result = TypeVar("Result")

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
TO = click.option("--to", "end", default="-0s", help="Likewise; now by default.")
SOURCE = click.option(
    "--source",
    type=click.Choice(SOURCES),
    default=None,
    help="Of readings; that of the worker's feed by default.",
)


@click.command()
@click.option("--watch", is_flag=True, help="Update live, until Ctrl-C.")
@SOURCE
@JSON
def status(source: str | None, *, watch: bool, as_json: bool) -> None:
    """Show the status on one screen: signal, outage, newest reading, tank, last use, components."""
    from iss_agents.cli.status import show_status, watch_status

    if watch and not (as_json or sys.stdout.isatty()):
        raise UserError("--watch needs a terminal: add --json for a line per change, or leave it out.")
    if watch:
        _until_stopped(partial(watch_status, _url(), source or "", as_json=as_json))
    else:
        _done(partial(show_status, _url(), source or "", as_json=as_json))


@click.command()
@click.argument("text", default="")
@click.option("--discipline", default="", help="Only this discipline.", shell_complete=complete_discipline)
@click.option(
    "--stale", is_flag=True, help="Only items that are stuck, not seen since a gap, or were never measured."
)
@SOURCE
@JSON
def items(text: str, discipline: str, source: str | None, *, stale: bool, as_json: bool) -> None:
    """List items by discipline: all, or those that TEXT finds: speed, an id, name, unit or state."""
    from iss_agents.cli.items import show_items

    wanted = known_discipline(discipline) if discipline else ""
    _done(partial(show_items, _url(), text, wanted, source or "", stale=stale, as_json=as_json))


@click.command()
@click.argument("item", nargs=-1, shell_complete=complete_item)
@SOURCE
@JSON_LINES
def tail(item: tuple[str, ...], source: str | None, *, as_json: bool) -> None:
    """Print each change of the ITEMs, or of all items, as it arrives, until Ctrl-C.

    If ITEMs are given, their current values come first.
    """
    from iss_agents.cli.tail import tail as tail_items

    items = [known_item(each) for each in item]
    _until_stopped(partial(tail_items, _url(), items, source or "", as_json=as_json))


@click.command()
@click.option("--from", "start", default="-7d", show_default=True, help=FORMS)
@TO
@click.option("--kind", type=click.Choice(["use", "unobserved"]), help="Only this kind.")
@SOURCE
@JSON_LINES
def events(start: str, end: str, kind: str | None, source: str | None, *, as_json: bool) -> None:
    """List uses of the toilet, and unobserved rises of the tank, with their posts."""
    from iss_agents.cli.events import show_events

    _done(partial(show_events, _url(), start, end, kind or "", source or "", as_json=as_json))


@click.command()
@click.option(
    "--item", multiple=True, shell_complete=complete_item, help="May be repeated; all items by default."
)
@click.option("--from", "start", default="-1h", show_default=True, help=FORMS)
@TO
@SOURCE
@click.option("-o", "--output", "file", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--continue", "resume", is_flag=True, help="Finish an old export with a relative span.")
def export(
    item: tuple[str, ...],
    start: str,
    end: str,
    source: str | None,
    file: Path,
    *,
    force: bool,
    resume: bool,
) -> None:
    """Write readings to a file, whose name ends in .csv, .ndjson or .parquet.

    Until it is complete it is called FILE.part. After any interruption, the same command resumes it with the
    original span; more than an hour later it requires --continue or --force.
    """
    from iss_agents.cli.export import export as export_readings
    from iss_agents.cli.resumable_file import Query
    from iss_agents.telemetry.export_rows import COLUMNS

    url = _url()
    items = [known_item(each) for each in item]
    query = Query(without_password(url), items, start, end, list(COLUMNS), source or "")
    count = _done(partial(export_readings, url, query, file, force=force, resume=resume))
    write(f"{file}: {count:,} readings.")


@click.command()
@click.argument("item", shell_complete=complete_item)
@click.option("--from", "start", default="-6h", show_default=True, help=FORMS)
@TO
@SOURCE
@click.option("-o", "--output", "picture", type=click.Path(path_type=Path), help="Write a PNG file instead.")
def plot(item: str, start: str, end: str, source: str | None, picture: Path | None) -> None:
    """Draw the history of ITEM."""
    from iss_agents.cli.plot import plot as plot_item

    _done(partial(plot_item, _url(), known_item(item), start, end, source or "", picture))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: Shell) -> None:
    """Print the completion script of SHELL: put `eval "$(iss-agents completion bash)"` into ~/.bashrc."""
    click.echo(completion_script(context.find_root().command, shell))  # noqa: TID251 - all of it is ours


def _url() -> str:
    return load_worker_address().url


def _done(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except msgspec.ValidationError as error:
        raise UserError(f"The worker's answer is not valid ({error}): does it run another version?") from error


def _until_stopped(work: Callable[[], None]) -> None:
    try:
        _done(work)
    except KeyboardInterrupt:
        return
