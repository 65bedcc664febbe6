"""Announcer interface: one way to post a text, its results and errors, and the dry run."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol

from iss_agents.detection.events import Urination

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


class Posted(NamedTuple):
    """A text was posted. `post_id` is its id at the announcer, if known."""

    post_id: str | None = None
    outcome: Literal["posted", "dry_run"] = "posted"


class RefusedError(Exception):
    """The announcer rejects this and every other text until a person acts."""


class SkippedError(RefusedError):
    """The announcer was not called, because it rejected a text a short while ago."""


class RetryableError(Exception):
    """The text may have been posted or not. Another attempt may help, after `after` seconds if given."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class NotReadyError(RetryableError):
    """The announcer was not called, because it failed a short while ago."""


class Announcer(Protocol):
    """A way to post a text. `name` is for people and metrics."""

    @property
    def name(self) -> str:
        """Name for people."""

    async def post(self, text: str, event: Urination) -> Posted:
        """Post a text about an event; the caller sets the timeout.

        Raises:
            RefusedError: no text will be accepted.
            RetryableError: it failed this time, but the text may have been posted.
        """


class DryRun:
    """An announcer that posts nothing: the decision alone is recorded."""

    name = "dry run"

    async def post(self, text: str, event: Urination) -> Posted:  # noqa: ARG002 - the interface
        """Post nothing."""
        return Posted(outcome="dry_run")
