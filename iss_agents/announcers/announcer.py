"""What every way of telling the world has in common; the next one is one more file beside these."""

from typing import Literal, NamedTuple, Protocol

from iss_agents.detection.events import Urination


class Posted(NamedTuple):
    """A text is out. `post_id` is its name at the announcer, if it has one that we learnt."""

    post_id: str | None = None
    outcome: Literal["posted", "dry_run"] = "posted"


class Refused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The announcer does not want this or any other text until a person has done something."""


class NotAsked(Refused):
    """The announcer refused a short while ago and was left in peace."""


class TryAgain(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The text may be out or not. Another attempt helps, no sooner than `after` seconds if that is given."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class NotYet(TryAgain):
    """The announcer failed a short while ago and was left in peace."""


class Announcer(Protocol):
    """A way of telling the world. `name` is for people and metrics."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def post(self, text: str, event: Urination) -> Posted:
        """Post a text about an event; whoever calls limits the time.

        Raises:
            Refused: no text will be taken.
            TryAgain: it did not work this time, and may have been taken all the same.
        """
