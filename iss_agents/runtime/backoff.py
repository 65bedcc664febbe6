"""Backoff: the delays between attempts, exponential with jitter."""

import random
from collections.abc import Callable, Iterator


def delays(first: float, ceiling: float, jitter: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield seconds to wait: `first`, doubling up to `ceiling`, each shortened by up to a quarter.

    The jitter keeps many clients from retrying at the same moment.
    """
    delay = first
    while True:
        yield delay * (1 - jitter() / 4)
        delay = min(delay * 2, ceiling)
