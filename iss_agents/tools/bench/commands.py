"""`iss-agents bench`."""

import asyncio
from pathlib import Path

import click

from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.runtime.console import show
from iss_agents.runtime.output import say, write_json
from iss_agents.tools.bench import run
from iss_agents.tools.bench.kafka_streams_runner import KAFKA_STREAMS
from iss_agents.tools.bench.plot import draw
from iss_agents.tools.bench.quix_runner import QUIX_STREAMS
from iss_agents.tools.bench.report import tables
from iss_agents.tools.bench.run import Result


@click.command()
@click.option("--quick", is_flag=True, help="The stages only, on a smaller backlog: a minute.")
@click.option("--quix", is_flag=True, help="Beside keep_last_seen, the same in Quix Streams, which uv fetches.")
@click.option(
    "--kafka-streams", is_flag=True, help="The same in Kafka Streams, whose jars come from Maven Central."
)
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
def bench(
    *, quick: bool, quix: bool, kafka_streams: bool, seconds: float, plot: Path | None, as_json: bool
) -> None:
    """Measure with a Kafka of its own, in a folder that is gone afterwards; nothing else is touched.

    Each stage processes a backlog, compared with a bare loop over the same readings; then the whole pipeline
    runs at 70 to 10,000 readings a second. The machine should have nothing else to do.
    """
    if plot and quick:
        raise click.UsageError("--quick measures no rates, so there is nothing to draw for --plot.")
    quiet_kafka_logs()
    asked = ((QUIX_STREAMS, quix), (KAFKA_STREAMS, kafka_streams))
    contenders = [contender for contender, wanted in asked if wanted]
    result = asyncio.run(run.measure(seconds, _say, contenders, quick=quick))
    if plot:
        draw(result.steady, plot)
        _say(f"The plot is {plot}")
    _print(result, as_json=as_json)


def _say(text: str) -> None:
    say(text)


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        write_json(result.document())
        return
    # Where there is no terminal, wide enough for every column.
    for table in tables(result):
        show(table, plain_width=140)
