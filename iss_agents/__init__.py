"""Telemetry of the International Space Station on Faust agents. `faust -A iss_agents worker` runs it."""

from typing import Any

from iss_agents.errors import UserError


def __getattr__(name: str) -> Any:
    # Lazy, so that the commands that need no Faust do not import it.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from iss_agents.application import app  # noqa: PLC0415
    except UserError as error:
        # A wrong setting: Faust would show where it was found, which helps nobody to mend it.
        raise SystemExit(f"iss-agents: {error}") from None
    return app
