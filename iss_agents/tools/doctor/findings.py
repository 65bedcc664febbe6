"""Findings of checks: a sentence without passwords, and its level."""

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias

from iss_agents.config.settings import Settings
from iss_agents.runtime.redaction import redacted

Level = Literal["ok", "warning", "failing"]


class Finding(NamedTuple):
    """One line. `failing` loses readings or keeps a component from working; a `warning` may do so some day."""

    level: Level
    sentence: str


Check: TypeAlias = Callable[[Settings], Awaitable[list[Finding]]]


class NotCheckedError(Exception):
    """The checked service does not answer; another check reports that."""


def ok(sentence: str) -> Finding:
    """Return a finding for what is correct."""
    return Finding("ok", redacted(sentence))


def warning(sentence: str) -> Finding:
    """Return a finding for what works but should be changed."""
    return Finding("warning", redacted(sentence))


def failing(sentence: str) -> Finding:
    """Return a finding for what does not work."""
    return Finding("failing", redacted(sentence))
