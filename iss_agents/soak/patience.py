"""Wait for a condition with a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from time import monotonic

from iss_agents.errors import UserError

LOOK_SECONDS = 0.05

Condition = Callable[[], object | Awaitable[object]]


async def until(what: str, condition: Condition, seconds: float) -> float:
    """Return as soon as `condition()`, or what it awaits to, is true; how many seconds that took.

    Raises:
        UserError: `what`, a sentence, was not so within `seconds`.
    """
    began = monotonic()
    while not await _value(condition):
        if monotonic() - began > seconds:
            raise UserError(f"After {seconds:.0f} s it is still not so that {what}.")
        await asyncio.sleep(LOOK_SECONDS)
    return monotonic() - began


async def _value(condition: Condition) -> object:
    value = condition()
    return await value if inspect.isawaitable(value) else value
