"""Telemetry platform of the International Space Station on Faust agents: `faust -A iss_agents worker`."""

from typing import Any

from iss_agents.errors import UserError
from iss_agents.runtime.printable import printable
from iss_agents.runtime.redaction import redacted


def __getattr__(name: str) -> Any:
    # Lazy, so that commands that do not use Faust do not import it.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from iss_agents.application import app  # noqa: PLC0415
    except UserError as error:
        # A wrong setting: the traceback that Faust would print does not help to correct it.
        raise SystemExit(printable(redacted(f"iss-agents: {error}"))) from None
    return app
