"""What is said about an event: a joke or a haiku of our own, with the event's time and level."""

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

from iss_agents.detection.events import Urination

HAIKU_BREAK = " / "
"""Stands between the lines of a haiku in `haiku.txt`."""


def text_for(event: Urination) -> str:
    """Return the text of an event, a function of the event alone and at most 280 of X's units long.

    A second attempt after a crash has to repeat the first to the letter, since only then X calls it a
    duplicate. Each phrase draws a number with the event, and the highest wins: so a phrase that is added
    later takes its share of the events and changes no other event's text.
    """
    phrase = max(phrases(), key=lambda phrase: _draw(event.event_id, phrase))
    return compose(phrase, event.start, event.level_before, event.level_after)


def compose(phrase: str, start: datetime, before: float, after: float) -> str:
    """Return a phrase with the levels, in percent, in it and the event's time and level below it."""
    level = {"before": before, "after": after, "delta": after - before, "left": 100 - after}
    figures = {name: f"{round(percent, 1):g}" for name, percent in level.items()}
    facts = f"💧 {start.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC · tank {{before}} % → {{after}} %"
    return f"{phrase}\n\n{facts}".format(**figures)


@cache
def phrases() -> tuple[str, ...]:
    """Return every joke and every haiku; the figures of the event are in braces."""
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
