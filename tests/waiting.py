"""Wait for a condition with a deadline, so that no test sleeps and hopes."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from time import monotonic


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = 10.0) -> None:
    """Return as soon as `condition()` (or what it awaits to) is true; fail after `seconds`."""
    deadline = monotonic() + seconds
    while not await _value(condition):
        if monotonic() > deadline:
            raise TimeoutError(f"{_text(condition)} was not true within {seconds} s")
        await asyncio.sleep(0.02)


async def _value(condition: Callable[[], object | Awaitable[object]]) -> object:
    value = condition()
    return await value if inspect.isawaitable(value) else value


def _text(condition: Callable[[], object]) -> str:
    return inspect.getsource(condition).strip() if inspect.isfunction(condition) else repr(condition)
