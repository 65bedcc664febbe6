"""Quix runner: Quix Streams does the work of `keep_last_seen`, in an environment that uv creates."""

import json
import shutil
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.contender import Contender, output_of

SCRIPT = Path(__file__).with_name("quix.py")
PROJECT = Path(__file__).parents[3]
NAME = "Quix Streams"


async def run_quix(kafka: str, count: int) -> dict[str, float]:
    """Return the cost of `count` readings in Quix Streams.

    Raises:
        UserError: uv is missing, or it failed.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise UserError("Quix Streams needs uv on PATH, for an environment of its own: `pip install uv`.")
    command = (uv, "run", "--quiet", "--script", str(SCRIPT), kafka, RAW.name, str(count))
    figures: dict[str, float] = json.loads(await output_of(NAME, *command, PYTHONPATH=str(PROJECT)))
    return figures


QUIX_STREAMS = Contender(NAME, "which uv fetches", run_quix)
