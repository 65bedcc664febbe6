"""Search of items, in the words of a layman or of a flight controller, best match first.

`web/static/search.js` ranks the items of the page in the same way.
"""

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import cache

from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import Item


class Rank(IntEnum):
    """How well an item fits a text; the least is best."""

    EXACT = 0
    """A phrase of the item is the text."""
    BEGINNING = 1
    """A phrase begins with the text."""
    PHRASE = 2
    """The words of a phrase begin with the words of the text."""
    WORDS = 3
    """The words of several phrases do."""
    INSIDE = 4
    """The words of the text are somewhere within: `pee` in `speed`."""


@cache
def _phrases(item_id: str) -> tuple[str, ...]:
    """Return what an item can be found by, but for its present state, in lower case."""
    item = catalog.items()[item_id]
    found = (item.plain_name, *item.synonyms, item.name, item.item_id, item.discipline, item.unit)
    return tuple(phrase.lower() for phrase in found if phrase)


def best_first(text: str, candidates: Iterable[tuple[Item, str]]) -> list[Item]:
    """Return the items that `text` finds. A candidate is an item and its present state, empty if it has none.

    What has the text only within words is found if nothing else is.
    """
    typed = " ".join(text.lower().split())
    if not typed:
        return [item for item, _ in candidates]
    words = [(word, re.compile(rf"(?<![^\W_]){re.escape(word)}")) for word in typed.split()]
    ranked = [
        (rank, item)
        for item, state in candidates
        if (rank := _rank(typed, words, [*_phrases(item.item_id), state.lower()])) is not None
    ]
    ranked.sort(key=lambda pair: pair[0])
    better = [item for (rank, _), item in ranked if rank < Rank.INSIDE]
    return better or [item for _, item in ranked]


def known_by(text: str) -> list[Item]:
    """Return the items that `text` finds, whatever their states."""
    return best_first(text, ((item, "") for item in catalog.items().values()))


def _rank(typed: str, words: list[tuple[str, re.Pattern[str]]], found: list[str]) -> tuple[Rank, int] | None:
    """Return how well the phrases fit, and which of them does: an item has the better ones first."""
    everything = "\n".join(found)
    if not all(word in everything for word, _ in words):
        return None
    if not all(begun.search(everything) for _, begun in words):
        return Rank.INSIDE, 0
    return min((_phrase_rank(typed, words, phrase), index) for index, phrase in enumerate(found))


def _phrase_rank(typed: str, words: list[tuple[str, re.Pattern[str]]], phrase: str) -> Rank:
    if phrase == typed:
        return Rank.EXACT
    if phrase.startswith(typed):
        return Rank.BEGINNING
    if all(begun.search(phrase) for _, begun in words):
        return Rank.PHRASE
    return Rank.WORDS
