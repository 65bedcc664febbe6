"""Rate limit of each client, so that none starves the others."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic

from aiohttp.web import AppKey, Application, Request, StreamResponse, middleware

from web.base.problems import Handler, too_many
from web.edge.client_address import client_of

RATE = 100.0
"""Sustained requests a second of a client: the page loads some thirty files, then nearly nothing."""

BURST = 1000.0
"""Requests that a client may make at once after a pause."""

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
"""Always answered: otherwise a supervisor would stop a working worker."""

MOST_CLIENTS = 10_000
"""Clients that are tracked, about 3 MB; beyond that the least recently active ones are dropped."""


class Buckets:
    """A token bucket for each client."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        # client -> (tokens, time), the most recent client last
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait(self, client: str) -> float:
        """Take a token from the client's bucket; return 0, or the seconds until there is one."""
        now = self._clock()
        tokens, then = self._levels.pop(client, (BURST, now))
        tokens = min(BURST, tokens + (now - then) * RATE)
        allowed = tokens >= 1
        self._levels[client] = (tokens - 1 if allowed else tokens, now)
        if len(self._levels) > MOST_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / RATE


BUCKETS = AppKey("buckets", Buckets)
"""Where the web application keeps the buckets of its clients."""


def limit(application: Application) -> None:
    """Limit the rate of each client of the web application."""
    application[BUCKETS] = Buckets()
    application.middlewares.append(_limited)


@middleware
async def _limited(request: Request, handler: Handler) -> StreamResponse:
    if request.path in PROBES:
        return await handler(request)
    seconds = request.app[BUCKETS].wait(client_of(request).name)
    if seconds:
        detail = f"A client may ask {RATE:.0f} times a second; try again later"
        raise too_many(detail, retry_after=ceil(seconds))
    return await handler(request)
