"""Contender: a stream processor that does the work of `keep_last_seen`, in programs of its own."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from iss_agents.errors import UserError


@dataclass(frozen=True)
class Contender:
    """`run` returns the cost of so many readings at a Kafka, as `BenchStack.bare` does; it raises UserError.

    `origin`: where it comes from, in words.
    """

    name: str
    origin: str
    run: Callable[[str, int], Awaitable[dict[str, float]]]


async def output_of(name: str, *command: str, **environment: str) -> str:
    """Return what a program of the contender `name` prints.

    Raises:
        UserError: it failed; quotes the last line of its complaints.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    said, complaints = await process.communicate()
    if process.returncode:
        last = complaints.decode(errors="replace").strip().rpartition("\n")[2]
        raise UserError(f"{name} failed: {last}")
    return said.decode()
