"""`evaluate`: how well the detector does on modelled streams, beside the rules of public detectors."""

import json
import sys

import click


@click.command(short_help="Measure the detector on modelled streams.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of the tables.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same streams.")
def evaluate(*, json_wanted: bool, seed: int) -> None:
    """Measure the detector of the urine tank on labelled streams of each trait and a mixed month."""
    from rich.console import Console  # noqa: PLC0415 - the command line starts without it
    from rich.progress import track  # noqa: PLC0415

    from iss_agents.evaluation.contest import CONTESTED, contest  # noqa: PLC0415
    from iss_agents.evaluation.report import as_json, comparison_table, own_table  # noqa: PLC0415

    progress = Console(stderr=True)
    drawn = track(
        contest(seed),
        "Evaluating",
        total=len(CONTESTED),
        console=progress,
        transient=True,
        disable=not progress.is_terminal,
    )
    outcomes = list(drawn)
    if json_wanted:
        click.echo(json.dumps(as_json(outcomes, seed)))
        return
    # Where there is no terminal, wide enough for every column.
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(own_table(outcomes))
    console.print(comparison_table(outcomes))
