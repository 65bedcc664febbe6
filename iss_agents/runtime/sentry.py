"""Error reports to Sentry, if the operator sets a DSN; sentry-sdk is an optional dependency."""

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.runtime.log_throttle import LogThrottle
from iss_agents.runtime.redaction import redacted

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def start_sentry(settings: Settings) -> None:
    """Report logged errors, and exceptions that end the process, to Sentry.

    Raises:
        UserError: sentry-sdk is missing, or the DSN is invalid.
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
        raise UserError("ISS_SENTRY_DSN is not the DSN of a Sentry project (its value is not shown).") from None


def _start(dsn: str) -> None:
    import sentry_sdk  # noqa: PLC0415 - an extra
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415

    # No others: they would send requests of clients, and variables that hold passwords.
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
        before_send=_without_repeats(LogThrottle()),
    )


def _without_repeats(repeats: LogThrottle) -> "Callable[[Event, Hint], Event | None]":
    def before_send(event: "Event", hint: "Hint") -> "Event | None":
        record = hint.get("log_record")
        is_new = record is None or repeats.filter(logging.makeLogRecord(vars(record)))
        return cast("Event", _redacted(event)) if is_new else None

    return before_send


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: _redacted(each) for name, each in value.items()}
    return [_redacted(each) for each in value] if isinstance(value, list) else value
