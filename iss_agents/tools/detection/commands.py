"""`detect`: what the detector says of a recording."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from iss_agents.cli.formatting import moment
from iss_agents.config.settings import load_settings
from iss_agents.detection.events import Event
from iss_agents.errors import UserError
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.runtime.output import say, write, write_json
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.time_expressions import FORMS, instant
from iss_agents.tools.detection.offline import Detection
from iss_agents.tools.detection.plot import Trace, draw
from iss_agents.tools.detection.replay import replay as found


def tell(event: Event) -> None:
    """Print an event, for a person in a terminal and for programs elsewhere."""
    document = json.loads(encode(event))
    if not sys.stdout.isatty():
        write_json(document)
        return
    change = f"{event.delta_percent:+g} % ({event.level_before:g} to {event.level_after:g})"
    write(f"{moment(event.start)} UTC  {document['kind']}  {change}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw level, events, gaps.")
def detect(file: Path, plot: Path | None) -> None:
    """Detect uses of the toilet in FILE, a recording of `iss-agents record`; one line per event.

    Where the output is not a terminal, the lines are JSON.
    """
    detection, trace = Detection(file), Trace()
    for step in detection.steps():
        if plot:
            trace.add(step)
        for event in step.events:
            tell(event)
    if not detection.events:
        say(f"No uses in {detection.looked_at}.")
    if detection.invalid:
        say(f"{detection.invalid} invalid updates of the tank's items were left out.")
    if plot:
        trace.finish()
        draw(trace, plot)


@click.command()
@click.option("--from", "start", required=True, help=FORMS)
@click.option("--to", "end", default="-0s", help="Likewise; now by default.")
@click.option(
    "--publish", is_flag=True, help="Send the events to Kafka again. Nothing is stored or told twice."
)
def replay(start: str, end: str, *, publish: bool) -> None:
    """Detect uses of the toilet again in Kafka's history; one line per event.

    Where the output is not a terminal, the lines are JSON.
    """
    now = datetime.now(UTC)
    began, ended = instant(start, now), instant(end, now)
    if began >= ended:
        raise UserError(f"--from {start} is not before --to {end}: nothing lies between them.")
    quiet_kafka_logs()

    async def show() -> None:
        async for event in found(load_settings(), began, ended, publish=publish):
            tell(event)

    asyncio.run(show())
