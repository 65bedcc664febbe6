"""`detect`: what the detector says of a recording."""

from pathlib import Path

import click


@click.command(short_help="Detect uses of the toilet in a recording.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw level, events, gaps.")
def detect(file: Path, plot: Path | None) -> None:
    """Detect uses of the toilet in FILE, a recording of `iss-agents record`; one JSON line per event."""
    from iss_agents.detection.plot import Trace, draw  # noqa: PLC0415 - the command line starts without them
    from iss_agents.detection.recording import Detection  # noqa: PLC0415
    from iss_agents.records import encode  # noqa: PLC0415

    detection, trace = Detection(file), Trace()
    for step in detection.steps():
        if plot:
            trace.take(step)
        for event in step.events:
            click.echo(encode(event))
    if not detection.events:
        click.echo(f"No uses in {detection.looked_at}.", err=True)
    if detection.invalid:
        click.echo(f"{detection.invalid} invalid updates of the tank's items were left out.", err=True)
    if plot:
        trace.finish()
        draw(trace, plot)


@click.command(short_help="Detect uses of the toilet again in Kafka's history.")
@click.option(
    "--from", "start", required=True, help="RFC 3339 with a zone, or before now: -90s, -30m, -2h, -7d"
)
@click.option("--to", "end", default="-0s", help="The same; now if not given.")
@click.option(
    "--publish", is_flag=True, help="Send the events to Kafka again. Nothing is stored or told twice."
)
def replay(start: str, end: str, *, publish: bool) -> None:
    """Detect uses of the toilet again in Kafka's history; one JSON line per event."""
    import asyncio  # noqa: PLC0415 - the command line starts without them
    from datetime import UTC, datetime  # noqa: PLC0415

    from iss_agents.detection.replay import replay as found  # noqa: PLC0415
    from iss_agents.errors import UserError  # noqa: PLC0415
    from iss_agents.instants import instant  # noqa: PLC0415
    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415
    from iss_agents.records import encode  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415

    now = datetime.now(UTC)
    began, ended = instant(start, now), instant(end, now)
    if began >= ended:
        raise UserError(f"--from {start} is not before --to {end}: nothing lies between them.")
    quiet_kafka_logs()

    async def show() -> None:
        async for event in found(load_settings(), began, ended, publish=publish):
            click.echo(encode(event))

    asyncio.run(show())
