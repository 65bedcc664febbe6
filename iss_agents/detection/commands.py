"""`detect`: what the detector says of a recording."""

from pathlib import Path

import click


@click.command()
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
    if detection.invalid:
        click.echo(f"{detection.invalid} invalid updates of the tank's items were left out.", err=True)
    if plot:
        trace.finish()
        draw(trace, plot)
