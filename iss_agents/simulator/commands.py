"""`iss-agents simulate`: a station for demos and tests, and its faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from iss_agents.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.error import HTTPError

    from iss_agents.simulator.updates import Source

DEFAULT_URL = "http://127.0.0.1:9090"
DEFAULT_RATE = 60.0
"""Synthetic updates per second: with the recording and the clock about the 70/s of the public feed."""


@click.group(invoke_without_command=True, short_help="Run a simulated station, or trigger its faults.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9090, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option(
    "--rate",
    default=DEFAULT_RATE,
    show_default=True,
    type=click.FloatRange(0),
    help="Synthetic updates per second.",
)
@click.option("--seed", default=0, show_default=True, help="Another seed, another crew and other values.")
@click.option(
    "--recording",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play this recording instead, moved to now.",
)
@click.pass_context
def simulate(
    context: click.Context, host: str, port: int, rate: float, seed: int, recording: Path | None
) -> None:
    """Run a simulated station that Lightstreamer clients can connect to."""
    if context.invoked_subcommand:
        return
    import asyncio  # noqa: PLC0415

    asyncio.run(_serve(_sources(rate, seed, recording), host, port))


@simulate.command(short_help="Trigger a fault of a running station.")
@click.argument("name")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="How long it lasts; a minute if unset."
)
@click.option("--url", default=DEFAULT_URL, show_default=True, help="Address of the running station.")
def fault(name: str, seconds: float | None, url: str) -> None:
    """Trigger a fault of a running station: los, drop, refuse, end, zero-burst, freeze, or recover from all."""
    from http.client import HTTPException  # noqa: PLC0415
    from urllib.error import HTTPError, URLError  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415
    from urllib.request import Request, urlopen  # noqa: PLC0415

    query = f"?seconds={seconds:g}" if seconds else ""
    try:
        request = Request(f"{url.rstrip('/')}/faults/{quote(name, safe='')}{query}", method="POST")  # noqa: S310
        with urlopen(request, timeout=10) as response:  # noqa: S310 - the address is the user's own
            click.echo(response.read().decode())
    except HTTPError as error:
        raise UserError(_detail(error) or f"What answers at {url} is no simulated station.") from error
    except URLError as error:
        raise UserError(f"No simulated station answers at {url} ({error.reason})") from error
    except (ValueError, OSError, HTTPException) as error:
        raise UserError(f"No simulated station answers at {url} ({error})") from error


def _detail(error: HTTPError) -> str | None:
    import json  # noqa: PLC0415

    try:
        document = json.load(error)
    except ValueError:
        return None
    # A worker answers with problem documents too, of more members.
    return str(document["detail"]) if document.keys() == {"status", "detail"} else None


def _sources(rate: float, seed: int, recording: Path | None) -> Sequence[Source]:
    from iss_agents.simulator.model import station_model  # noqa: PLC0415
    from iss_agents.simulator.replay import Replay  # noqa: PLC0415

    return [Replay(recording)] if recording else station_model(rate, seed)


async def _serve(sources: Sequence[Source], host: str, port: int) -> None:
    import asyncio  # noqa: PLC0415
    import signal  # noqa: PLC0415

    from iss_agents.simulator.station import Station  # noqa: PLC0415

    stopped = asyncio.Event()
    station = await Station(sources).start(host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    click.echo(f"Simulated station on {station.url}")
    try:
        await station.run_until(stopped)
    finally:
        await station.stop()
