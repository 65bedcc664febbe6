"""Faults over HTTP: `POST /faults/{name}?seconds=N`, and `&code=N` for refuse."""

from collections.abc import Callable
from functools import partial

from aiohttp import web

from iss_agents.simulator.faults import OVERLOADED, Faults

LASTING = ("los", "refuse", "zero-burst", "freeze")
"""Faults that last for some seconds."""

INSTANT = ("drop", "end", "recover")
"""Faults that happen once, and the end of all others."""

DEFAULT_SECONDS = 60.0
"""A minute: so long did the zero burst last that was seen on the public feed."""


def add_fault_routes(application: web.Application, faults: Faults) -> None:
    """Let faults be asked for over HTTP."""
    application.router.add_post("/faults/{name}", partial(_fault, faults))


async def _fault(faults: Faults, request: web.Request) -> web.Response:
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
