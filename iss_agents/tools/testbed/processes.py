"""Child processes: stop, kill and suspend them without blocking the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from iss_agents.local_stack.process import Program
from iss_agents.tools.testbed.polling import until

ENDING_SECONDS = 30.0

SLICE_SECONDS = 0.1
"""How long a slowed program runs before it is suspended again."""


async def end(program: Program) -> float:
    """End a program with SIGTERM; return how many seconds that took.

    Raises:
        UserError: it has not ended in time.
    """
    program.request(SIGTERM)
    return await _until_gone(program)


async def kill(program: Program) -> None:
    """End a program with SIGKILL."""
    program.request(SIGKILL)
    await _until_gone(program)


@asynccontextmanager
async def halted(program: Program) -> AsyncIterator[None]:
    """Suspend a program during the block, like a paused machine."""
    program.request(SIGSTOP)
    try:
        yield
    finally:
        program.request(SIGCONT)


@asynccontextmanager
async def slowed(program: Program) -> AsyncIterator[None]:
    """Let a program run only a tenth of the time during the block."""
    slowing = asyncio.create_task(_slow(program))
    try:
        yield
    finally:
        slowing.cancel()
        program.request(SIGCONT)


async def halt(program: Program, seconds: float) -> None:
    """Suspend a program for so long."""
    async with halted(program):
        await asyncio.sleep(seconds)


async def _slow(program: Program) -> None:
    while True:
        await halt(program, SLICE_SECONDS * 9)
        await asyncio.sleep(SLICE_SECONDS)


async def _until_gone(program: Program) -> float:
    seconds = await until(f"{program.name} has ended", lambda: not program.running, ENDING_SECONDS)
    program.kill()  # whatever it had started ends with it
    return seconds
