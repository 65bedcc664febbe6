"""`iss-agents soak`."""

import asyncio
import secrets
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import click

from iss_agents.config.settings import load_settings
from iss_agents.local_stack.ports import only_user_of
from iss_agents.runtime.console import show
from iss_agents.runtime.output import say, write, write_json
from iss_agents.tools.soak import run
from iss_agents.tools.soak.faults import FAULTS, rounds
from iss_agents.tools.soak.plot import draw
from iss_agents.tools.soak.report import summary, tables
from iss_agents.tools.soak.result import Result


@click.command()
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
    """Run everything on this machine under random faults, and count at the end.

    Workers, Kafka and the database are stopped, killed, suspended or slowed down; the clocks of workers and of
    the simulated station are changed or stopped; topics are deleted and recreated, offsets are set beyond the
    end of the log, and pages of a spool are overwritten. 500 numbered readings a second are sent. The exit
    code is 1 if one is lost without a record of it, duplicated or out of order, or if a Table, an event or a
    committed offset is wrong. Data and logs are kept until the next soak.
    """
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    home = load_settings().home / "soak"
    with only_user_of(home):
        shutil.rmtree(home / "system", ignore_errors=True)
        _say(f"Seed {seed}; data and logs are in {home / 'system'}")
        faults = rounds(FAULTS, Random(seed))  # noqa: S311 - faults, not secrets
        result, series = asyncio.run(run.soak(home / "system", faults, minutes * 60, seed, _say))
    draw(series.of_worker, result.faults, plot)
    _say(f"The plot is {plot}")
    _print(result, as_json=as_json)
    if result.differences:
        sys.exit(1)


def _say(text: str) -> None:
    say(text)


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        write_json(_document(result))
        return
    # Where there is no terminal, wide enough for every column.
    for table in tables(result):
        show(table, plain_width=120)
    write(summary(result))


def _document(result: Result) -> dict[str, Any]:
    document = asdict(result)
    document["faults"] = [met._asdict() for met in result.faults]
    document["uses"] = {
        worker: {name: use._asdict() for name, use in uses.items()} for worker, uses in result.uses.items()
    }
    return document
