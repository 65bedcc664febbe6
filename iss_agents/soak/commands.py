"""`iss-agents soak`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iss_agents.soak.result import Result


@click.command(short_help="Run everything here under random faults, and count.")
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--seed", type=click.IntRange(0), help="The same seed, the same faults; random if not given.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("soak.png"),
    show_default=True,
    help="Where memory, files, tasks and lag are drawn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the tables.")
def soak(*, minutes: float, seed: int | None, plot: Path, as_json: bool) -> None:
    """Run everything on this machine, end, kill and halt its parts at random, and count at the end.

    500 numbered readings a second go in; the exit code is 1 if one is lost, double or in disorder, or if
    a Table, an event or a committed offset is not what it should be. Data and logs stay until the next soak.
    """
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs
    import secrets  # noqa: PLC0415
    import shutil  # noqa: PLC0415

    from iss_agents.embedded.place import only_user_of  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415
    from iss_agents.soak import run  # noqa: PLC0415
    from iss_agents.soak.plot import draw  # noqa: PLC0415

    seed = secrets.randbelow(1_000_000) if seed is None else seed
    home = load_settings().home / "soak"
    with only_user_of(home):
        shutil.rmtree(home / "system", ignore_errors=True)
        _say(f"Seed {seed}; data and logs are in {home / 'system'}")
        result, series = asyncio.run(run.soak(home / "system", minutes * 60, seed, _say))
    draw(series.of_worker, result.faults, plot)
    _say(f"The plot is {plot}")
    _print(result, as_json=as_json)
    if result.differences:
        sys.exit(1)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print(result: "Result", *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from iss_agents.soak.report import summary, tables  # noqa: PLC0415

    if as_json:
        click.echo(json.dumps(_document(result)))
        return
    # Where there is no terminal, wide enough for every column.
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables(result):
        console.print(table)
    click.echo(summary(result))


def _document(result: "Result") -> dict[str, Any]:
    document = asdict(result)
    document["faults"] = [met._asdict() for met in result.faults]
    document["uses"] = {
        worker: {name: use._asdict() for name, use in uses.items()} for worker, uses in result.uses.items()
    }
    return document
