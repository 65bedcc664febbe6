"""Tells Sentry of errors, if the operator names one; sentry-sdk is there only if it was asked for."""

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

from iss_agents.errors import UserError
from iss_agents.log_repeats import Repeats
from iss_agents.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def start_sentry(settings: Settings) -> None:
    """From now on tell Sentry what is logged as an error, and what ends the process.

    Raises:
        UserError: sentry-sdk is missing, or the DSN is none.
    """
    dsn = settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else ""
    if not dsn:
        return
    try:
        from sentry_sdk.utils import BadDsn  # noqa: PLC0415 - an extra
    except ImportError:
        raise UserError(
            "ISS_SENTRY_DSN is set and sentry-sdk is missing: install iss-agents[sentry]."
        ) from None
    try:
        _start(dsn)
    except BadDsn:
        raise UserError("ISS_SENTRY_DSN is no address of a Sentry project (its value is not shown).") from None


def _start(dsn: str) -> None:
    import sentry_sdk  # noqa: PLC0415 - an extra
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415

    # No others: they would send what clients ask, and variables that hold passwords.
    sentry_sdk.init(
        dsn=dsn,
        release=f"iss-agents@{version('iss-agents')}",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda _pending, _seconds: None),
            ExcepthookIntegration(),
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
        include_local_variables=False,
        max_breadcrumbs=0,
        before_send=_without_repeats(Repeats()),
    )


def _without_repeats(repeats: Repeats) -> "Callable[[Event, Hint], Event | None]":
    def before_send(event: "Event", hint: "Hint") -> "Event | None":
        record = hint.get("log_record")
        return event if record is None or repeats.filter(logging.makeLogRecord(vars(record))) else None

    return before_send
