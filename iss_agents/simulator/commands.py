"""`iss-agents simulate`: a simulated station for demos and tests, and its faults."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import click

from iss_agents.errors import UserError
from iss_agents.runtime.output import write
from iss_agents.simulator.model import station_model
from iss_agents.simulator.replay import Replay
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import Source

DEFAULT_RATE = 60.0
"""Synthetic updates per second: with the recording and the clock about the 70/s of the public feed."""


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=9090, show_default=True, type=click.IntRange(0, 65535), help="0 chooses a free one."
)
@click.option(
    "--rate",
    default=DEFAULT_RATE,
    show_default=True,
    type=click.FloatRange(0),
    help="Synthetic updates per second.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the crew and the values.")
@click.option(
    "--recording",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play this recording instead, shifted to now.",
)
@click.pass_context
def simulate(
    context: click.Context, host: str, port: int, rate: float, seed: int, recording: Path | None
) -> None:
    """Run a simulated station that Lightstreamer clients can connect to."""
    context.obj = f"http://{host}:{port}"
    if context.invoked_subcommand:
        return

    asyncio.run(_serve(_sources(rate, seed, recording), host, port))


@simulate.command()
@click.argument("name")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Duration; a minute by default.")
@click.option("--url", help="Address of the running station; that of `simulate` (--host, --port) if not given.")
@click.pass_obj
def fault(station: str, name: str, seconds: float | None, url: str | None) -> None:
    """Trigger a fault of a running station: los, drop, refuse, end, zero-burst, freeze, or recover from all."""
    url = url or station
    query = f"?seconds={seconds:g}" if seconds else ""
    try:
        request = Request(f"{url.rstrip('/')}/faults/{quote(name, safe='')}{query}", method="POST")  # noqa: S310
        with urlopen(request, timeout=10) as response:  # noqa: S310 - the address is the user's own
            write(response.read().decode(errors="replace"))
    except HTTPError as error:
        raise UserError(_detail(error) or f"What answers at {url} is not a simulated station.") from error
    except URLError as error:
        raise UserError(f"No simulated station answers at {url} ({error.reason})") from error
    except (ValueError, OSError, HTTPException) as error:
        raise UserError(f"No simulated station answers at {url} ({error})") from error


def _detail(error: HTTPError) -> str | None:
    try:
        document = json.load(error)
    except ValueError:
        return None
    # A worker answers with problem documents too, but with more members.
    return str(document["detail"]) if document.keys() == {"status", "detail"} else None


def _sources(rate: float, seed: int, recording: Path | None) -> Sequence[Source]:
    return [Replay(recording)] if recording else station_model(rate, seed)


async def _serve(sources: Sequence[Source], host: str, port: int) -> None:
    stopped = asyncio.Event()
    station = await Station(sources).start(host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    write(f"Simulated station on {station.url}")
    try:
        await station.run_until(stopped)
    finally:
        await station.stop()
