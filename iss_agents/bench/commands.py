"""`iss-agents bench`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iss_agents.bench.run import Result


@click.command(short_help="Measure every stage, and latency at steady rates.")
@click.option("--quick", is_flag=True, help="The stages only, on a smaller backlog: a minute.")
@click.option("--quix", is_flag=True, help="Beside keep_last_seen, the same in Quix Streams, which uv fetches.")
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="How long each steady rate is measured.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where latency and processor time against the rate are drawn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the tables.")
def bench(*, quick: bool, quix: bool, seconds: float, plot: Path | None, as_json: bool) -> None:
    """Measure with a Kafka of its own, in a folder that is gone afterwards; nothing else is touched.

    Each stage works off a backlog beside a bare loop over the same readings, then the whole pipeline runs at
    70 to 10,000 readings a second. The machine should have nothing else to do.
    """
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs

    from iss_agents.bench import run  # noqa: PLC0415
    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415

    if plot and quick:
        raise click.UsageError("--quick measures no rates, so there is nothing to draw for --plot.")
    quiet_kafka_logs()
    result = asyncio.run(run.measure(seconds, _say, quick=quick, quix=quix))
    if plot:
        from iss_agents.bench.plot import draw  # noqa: PLC0415

        draw(result.steady, plot)
        _say(f"The plot is {plot}")
    _print(result, as_json=as_json)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print(result: "Result", *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from iss_agents.bench.report import tables  # noqa: PLC0415

    if as_json:
        click.echo(json.dumps(result.document()))
        return
    # Where there is no terminal, wide enough for every column.
    console = Console(width=None if sys.stdout.isatty() else 140)
    for table in tables(result):
        console.print(table)
