"""`evaluate`: measures the detector on modelled streams, compared with the rules of public detectors."""

import click
from rich.progress import track

from iss_agents.runtime.console import PrintableConsole, show
from iss_agents.runtime.output import write_json
from iss_agents.tools.evaluation.compare import CONTESTED, contest
from iss_agents.tools.evaluation.report import as_json, comparison_table, own_table


@click.command()
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of the tables.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same streams.")
def evaluate(*, json_wanted: bool, seed: int) -> None:
    """Measure the detector of the urine tank on labelled streams of each trait and a mixed month."""
    progress = PrintableConsole(stderr=True)
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
        write_json(as_json(outcomes, seed))
        return
    # Where there is no terminal, wide enough for every column.
    show(own_table(outcomes), comparison_table(outcomes), plain_width=120)
