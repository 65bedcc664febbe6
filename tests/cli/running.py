"""Runs commands against an address, in this process or as a process of their own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import NamedTuple

from click.testing import CliRunner

from iss_agents.cli.main import commands
from iss_agents.errors import UserError


class Ran(NamedTuple):
    """What a command printed; `error` is the sentence that it ended with."""

    output: str
    said: str
    error: str | None = None


async def run(url: str, *arguments: object) -> Ran:
    """Run a command to its end, as without a terminal."""
    runner = CliRunner(env={"ISS_URL": url})
    texts = [str(argument) for argument in arguments]
    result = await asyncio.to_thread(runner.invoke, commands, texts, prog_name="iss-agents")
    if result.exception and not isinstance(result.exception, UserError):
        raise result.exception
    return Ran(result.stdout, result.stderr, str(result.exception) if result.exception else None)


async def start(url: str, *arguments: object, after: str = "") -> Process:
    """Start a command as a process; `after` is a line of Python that runs in it first."""
    program = f"{after}\nfrom iss_agents.cli.main import main\nmain()"
    texts = [str(argument) for argument in arguments]
    environment = os.environ | {"ISS_URL": url, "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *texts, stdout=PIPE, stderr=PIPE, env=environment
    )


async def ended(process: Process) -> tuple[int | None, str, str]:
    """Wait for a process; return exit code, output and errors."""
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()
