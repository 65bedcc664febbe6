"""Quix Streams at the work of `keep_last_seen`, in an environment that uv makes for it."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import iss_agents
from iss_agents.errors import UserError
from iss_agents.topics import RAW

SCRIPT = Path(__file__).with_name("quix.py")
PROJECT = Path(iss_agents.__file__).parent.parent


async def run_quix(kafka: str, count: int) -> dict[str, float]:
    """Return what Quix Streams needs for `count` readings, as `Stand.bare` does.

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
