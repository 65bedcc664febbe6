"""The commands that ask a running worker: what is going on, and what was."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from iss_agents.errors import UserError
from iss_agents.terminal.choosing import complete_discipline, complete_item, known_discipline, known_item

if TYPE_CHECKING:
    from iss_agents.terminal.completion import Shell

Result = TypeVar("Result")

TIME = "RFC 3339 with a zone, or before now: -90s, -30m, -2h, -7d"
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
TO = click.option("--to", "end", default="-0s", help="The same; now if not given.")


@click.command(short_help="Show signal, silence, tank, last use and parts.")
@click.option("--watch", is_flag=True, help="Show it live, until Ctrl-C.")
@JSON
def status(*, watch: bool, as_json: bool) -> None:
    """Show on one screen what goes on: signal, who is silent, newest reading, tank, last use, parts."""
    from iss_agents.terminal.status import show_status, watch_status  # noqa: PLC0415 - commands start fast

    if watch and not (as_json or sys.stdout.isatty()):
        raise UserError("--watch draws on a terminal: add --json for a line at every change, or leave it out.")
    if watch:
        _until_stopped(watch_status(_url(), as_json=as_json))
    else:
        _done(show_status(_url(), as_json=as_json))


@click.command(short_help="List items with value, state and age, by discipline.")
@click.argument("text", default="")
@click.option("--discipline", default="", help="Only this one.", shell_complete=complete_discipline)
@click.option(
    "--stale", is_flag=True, help="Only those without a reading of today, or all while all is silent."
)
@JSON
def items(text: str, discipline: str, *, stale: bool, as_json: bool) -> None:
    """List the items, by discipline: those that have TEXT in id, name or state, or all."""
    from iss_agents.terminal.items import show_items  # noqa: PLC0415 - as above

    wanted = known_discipline(discipline) if discipline else ""
    _done(show_items(_url(), text, wanted, stale=stale, as_json=as_json))


@click.command(short_help="Print what changes, live, line by line.")
@click.argument("item", nargs=-1, shell_complete=complete_item)
@JSON_LINES
def tail(item: tuple[str, ...], *, as_json: bool) -> None:
    """Print each change of the ITEMs, or of all, as it comes, until Ctrl-C.

    Named ones begin with where they stand.
    """
    from iss_agents.terminal.tail import tail as tail_items  # noqa: PLC0415 - as above

    _until_stopped(tail_items(_url(), [known_item(each) for each in item], as_json=as_json))


@click.command(short_help="List uses of the toilet, with text and decision.")
@click.option("--from", "start", default="-7d", show_default=True, help=TIME)
@TO
@click.option("--kind", type=click.Choice(["use", "unobserved"]), help="Only this kind.")
@JSON_LINES
def events(start: str, end: str, kind: str | None, *, as_json: bool) -> None:
    """List uses of the toilet, and rises of the tank that nobody saw, with what was said of them."""
    from iss_agents.terminal.events import show_events  # noqa: PLC0415 - as above

    _done(show_events(_url(), start, end, kind or "", as_json=as_json))


@click.command(short_help="Write readings to a CSV, NDJSON or Parquet file.")
@click.option("--item", multiple=True, shell_complete=complete_item, help="May be repeated; all if not given.")
@click.option("--from", "start", default="-1h", show_default=True, help=TIME)
@TO
@click.option("-o", "--output", "file", required=True, type=click.Path(path_type=Path), help="The file.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def export(item: tuple[str, ...], start: str, end: str, file: Path, *, force: bool) -> None:
    """Write readings to a file, whose name ends in .csv, .ndjson or .parquet.

    Until it is whole it is called FILE.part. Whatever interrupts it, the same command goes on where it stopped,
    with the span that was meant when it began.
    """
    from iss_agents.terminal.export import export as export_readings  # noqa: PLC0415 - as above
    from iss_agents.terminal.partial import Query  # noqa: PLC0415

    query = Query([known_item(each) for each in item], start, end)
    count = _done(export_readings(_url(), query, file, force=force))
    click.echo(f"{file}: {count:,} readings.")


@click.command(short_help="Draw an item's history, in the terminal or as PNG.")
@click.argument("item", shell_complete=complete_item)
@click.option("--from", "start", default="-6h", show_default=True, help=TIME)
@TO
@click.option("-o", "--output", "picture", type=click.Path(path_type=Path), help="Write this PNG instead.")
def plot(item: str, start: str, end: str, picture: Path | None) -> None:
    """Draw the history of ITEM."""
    from iss_agents.terminal.plot import plot as plot_item  # noqa: PLC0415 - as above

    _done(plot_item(_url(), known_item(item), start, end, picture))


@click.command(short_help="Print the script that makes a shell complete.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: "Shell") -> None:
    """Print the script for SHELL; `eval "$(iss-agents completion bash)"` in ~/.bashrc takes it."""
    from iss_agents.terminal.completion import script  # noqa: PLC0415 - as above

    click.echo(script(context.find_root().command, shell))


def _url() -> str:
    from iss_agents.settings import load_settings  # noqa: PLC0415 - completion needs none

    return load_settings().url


def _done(work: Coroutine[Any, Any, Result]) -> Result:
    import msgspec  # noqa: PLC0415 - as above

    try:
        return asyncio.run(work)
    except msgspec.ValidationError as error:
        raise UserError(
            f"The worker's answer is not understood ({error}): is it of another version?"
        ) from error


def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    try:
        _done(work)
    except KeyboardInterrupt:
        return
