"""What a check says: a sentence, and whether somebody has to do something."""

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias

from iss_agents.settings import Settings

Level = Literal["ok", "warning", "failing"]


class Finding(NamedTuple):
    """One line. What is `failing` loses readings or keeps a part from working; a `warning` may, some day."""

    level: Level
    sentence: str


Check: TypeAlias = Callable[[Settings], Awaitable[list[Finding]]]


class NotLookedAt(Exception):  # noqa: N818 - a state, not a mistake
    """What would have been asked does not answer; another check says so and what to do."""


def ok(sentence: str) -> Finding:
    """Return what is as it should be."""
    return Finding("ok", sentence)


def warning(sentence: str) -> Finding:
    """Return what works, and should not stay so."""
    return Finding("warning", sentence)


def failing(sentence: str) -> Finding:
    """Return what does not work."""
    return Finding("failing", sentence)
