"""Fault requests over HTTP: `POST /faults/{name}?seconds=N`, and `&code=N` for refuse."""

from collections.abc import Callable
from functools import partial

from aiohttp import hdrs, web
from multidict import istr

from iss_agents.simulator.faults import OVERLOADED, Faults

LASTING = ("los", "refuse", "zero-burst", "freeze")
"""Faults with a duration."""

INSTANT = ("drop", "end", "recover")
"""Faults without a duration, and `recover`, which ends all others."""

DEFAULT_SECONDS = 60.0
"""A minute, like the zero burst that was seen on the public feed."""


BROWSER_HEADERS = {hdrs.ORIGIN, istr("Sec-Fetch-Site")}
"""Headers of a browser, which scripts cannot forge: without this check any web page could trigger faults."""


def add_fault_routes(application: web.Application, faults: Faults) -> None:
    """Accept fault requests over HTTP."""
    application.router.add_post("/faults/{name}", partial(_fault, faults))


async def _fault(faults: Faults, request: web.Request) -> web.Response:
    if not BROWSER_HEADERS.isdisjoint(request.headers):
        return _problem(403, "Web pages may not trigger faults; use `iss-agents simulate fault`")
    name = request.match_info["name"]
    if name not in LASTING + INSTANT:
        return _problem(404, f"There is no fault {name!r}; there are {', '.join(LASTING + INSTANT)}")
    action: Callable[..., None] = getattr(faults, name.replace("-", "_"))
    if name in INSTANT:
        action()
        return web.json_response({"fault": name})
    seconds = _positive(request.query.get("seconds"), DEFAULT_SECONDS)
    code = _positive(request.query.get("code"), OVERLOADED)
    if seconds is None or code is None:
        return _problem(400, "seconds and code must be positive numbers")
    if name == "refuse":
        faults.refuse(seconds, int(code))
    else:
        action(seconds)
    return web.json_response({"fault": name, "seconds": seconds})


def _positive(text: str | None, default: float) -> float | None:
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _problem(status: int, detail: str) -> web.Response:
    return web.json_response(
        {"status": status, "detail": detail}, status=status, content_type="application/problem+json"
    )
