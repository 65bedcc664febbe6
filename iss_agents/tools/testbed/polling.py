"""Polling: wait for a condition with a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from time import monotonic

from iss_agents.errors import UserError

POLL_SECONDS = 0.05

Condition = Callable[[], object | Awaitable[object]]


async def until(what: str, condition: Condition, seconds: float) -> float:
    """Wait until `condition()`, awaited if need be, is true; return how many seconds that took.

    Raises:
        UserError: it was not true within `seconds`; `what` says in a sentence what was expected.
    """
    began = monotonic()
    if not await becomes_true(condition, seconds):
        raise UserError(f"After {seconds:.0f} s it is still not so that {what}.")
    return monotonic() - began


async def becomes_true(condition: Condition, seconds: float, poll_seconds: float = POLL_SECONDS) -> bool:
    """Return True as soon as `condition()`, awaited if need be, is true, and False after `seconds`."""
    deadline = monotonic() + seconds
    while not await _value(condition):
        if monotonic() > deadline:
            return False
        await asyncio.sleep(poll_seconds)
    return True


async def _value(condition: Condition) -> object:
    value = condition()
    return await value if inspect.isawaitable(value) else value
