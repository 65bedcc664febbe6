"""Wait for a condition with a deadline, so that no test sleeps and hopes."""

import inspect
from collections.abc import Callable

from iss_agents.tools.testbed.polling import Condition, becomes_true

POLL_SECONDS = 0.02

PATIENCE_SECONDS = 60.0
"""Far longer than anything takes on a busy machine, so that a test that waits for longer has failed."""


async def until(condition: Condition, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `condition()` (or what it awaits to) is true; fail after `seconds`."""
    if not await becomes_true(condition, seconds, POLL_SECONDS):
        raise TimeoutError(f"{_text(condition)} was not true within {seconds} s")


def _text(condition: Callable[[], object]) -> str:
    return inspect.getsource(condition).strip() if inspect.isfunction(condition) else repr(condition)
