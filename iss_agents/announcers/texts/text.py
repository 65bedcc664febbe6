"""Texts of posts: a joke or a haiku, with the event's time and level."""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

from iss_agents.detection.events import Urination

HAIKU_BREAK = " / "
"""Separates the lines of a haiku in `haiku.txt`."""


def text_for(event: Urination) -> str:
    """Return the text of an event, which depends only on the event and has at most 280 of X's units.

    A second attempt after a crash must repeat the first exactly, since only then X reports a duplicate. The
    event's text is the phrase with the highest hash of event and phrase, so that adding a phrase changes the
    text of only those events that get the new one (rendezvous hashing).
    """
    phrase = max(phrases(), key=lambda phrase: _draw(event.event_id, phrase))
    return compose(phrase, event.start, event.level_before, event.level_after)


def compose(phrase: str, start: datetime, before: float, after: float) -> str:
    """Return a phrase with the levels, in percent, filled in, and the event's time and level below it."""
    level = {"before": before, "after": after, "delta": after - before, "left": 100 - after}
    figures = {name: f"{round(percent, 1):g}" for name, percent in level.items()}
    facts = f"💧 {start.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC · tank {{before}} % → {{after}} %"
    return f"{phrase}\n\n{facts}".format(**figures)


@cache
def phrases() -> tuple[str, ...]:
    """Return all jokes and haiku, with placeholders for the levels in braces."""
    return tuple(jokes() + haiku())


def jokes() -> list[str]:
    """Return the jokes."""
    return _lines("jokes.txt")


def haiku() -> list[str]:
    """Return the haiku, each with its three lines."""
    return [poem.replace(HAIKU_BREAK, "\n") for poem in _lines("haiku.txt")]


def _lines(name: str) -> list[str]:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()


def _draw(event_id: str, phrase: str) -> bytes:
    return sha256(f"{event_id}|{phrase}".encode()).digest()
