"""How often one client may ask, so that none takes the worker from the others."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic

from aiohttp.web import AppKey, Application, Request, StreamResponse, middleware

from web.clients import client_of
from web.problems import Handler, too_many

RATE = 100.0
"""Requests a second that a client may keep up: the page asks for some thirty files, then nearly nothing."""

BURST = 1000.0
"""Requests that a client may make at once after it was silent."""

PROBED = "/healthz"
"""Always answered: a supervisor that gets no answer would end a worker that works."""

MOST_CLIENTS = 10_000
"""Clients that are remembered, some 3 MB; of more, those are forgotten that were silent the longest."""


class Buckets:
    """A token bucket for each client."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        # client -> (tokens, when), the one that asked last at the end
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait(self, client: str) -> float:
        """Take a token from the client's bucket; return 0, or for how many seconds there is none."""
        now = self._clock()
        tokens, then = self._levels.pop(client, (BURST, now))
        tokens = min(BURST, tokens + (now - then) * RATE)
        allowed = tokens >= 1
        self._levels[client] = (tokens - 1 if allowed else tokens, now)
        if len(self._levels) > MOST_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / RATE


BUCKETS = AppKey("buckets", Buckets)
"""Where the web application keeps how often its clients asked."""


def limit(application: Application) -> None:
    """Let each client of the web application ask so often and no more."""
    application[BUCKETS] = Buckets()
    application.middlewares.append(_limited)


@middleware
async def _limited(request: Request, handler: Handler) -> StreamResponse:
    if request.path == PROBED:
        return await handler(request)
    seconds = request.app[BUCKETS].wait(client_of(request).name)
    if seconds:
        detail = f"A client may ask {RATE:.0f} times a second; try again later"
        raise too_many(detail, retry_after=ceil(seconds))
    return await handler(request)
