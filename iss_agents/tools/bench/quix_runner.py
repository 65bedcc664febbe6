"""Quix runner: Quix Streams does the work of `keep_last_seen`, in an environment that uv creates."""

import asyncio
import json
import os
import shutil
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.telemetry.topics import RAW

SCRIPT = Path(__file__).with_name("quix.py")
PROJECT = Path(__file__).parents[3]


async def run_quix(kafka: str, count: int) -> dict[str, float]:
    """Return the cost of `count` readings in Quix Streams, as `BenchStack.bare` does.

    Raises:
        UserError: uv is missing, or it failed.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise UserError("Quix Streams needs uv on PATH, for an environment of its own: `pip install uv`.")
    process = await asyncio.create_subprocess_exec(
        *(uv, "run", "--quiet", "--script", str(SCRIPT), kafka, RAW.name, str(count)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    said, complaints = await process.communicate()
    if process.returncode:
        last = complaints.decode(errors="replace").strip().rpartition("\n")[2]
        raise UserError(f"Quix Streams failed: {last}")
    figures: dict[str, float] = json.loads(said)
    return figures
