"""Search of items."""

import csv
from importlib.resources import files

import pytest

from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.item_search import best_first, known_by
from tests.telemetry.words import FIRST_FOUND

LETTERS_OF_A_SENTENCE = range(20, 201)
LONGEST_NAME = 45


def ids(text: str) -> list[str]:
    return [item.item_id for item in known_by(text)]


@pytest.mark.parametrize(("word", "expected"), FIRST_FOUND.items())
def test_a_layman_finds_what_the_word_means_first(word: str, expected: tuple[str, ...]) -> None:
    assert tuple(ids(word)[: len(expected)]) == expected


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("urine tank", ["NODE3000005"]),
        ("node3000005", ["NODE3000005"]),
        ("toi", ["NODE3000005", "NODE3000004"]),
        ("  PEE   ", ["NODE3000005", "NODE3000004"]),
        ("x velocity", ["USLAB000035", "USLAB000025"]),
        ("3A voltage", ["S4000004"]),
        ("e3000004", ["NODE3000004"]),
        ("no such thing", []),
        (".*", []),
    ],
)
def test_words_are_found_at_their_beginning_in_any_order(typed: str, found: list[str]) -> None:
    assert ids(typed)[:2] == found


def test_the_inside_of_words_counts_only_if_nothing_begins_so() -> None:
    assert not [item for item in ids("pee") if item.startswith("Z1")]
    assert ids("heelspee") == []
    assert [item for item in ids("peed") if item.startswith("Z1")]


def test_the_state_of_an_item_finds_it() -> None:
    candidates = [(items()["NODE3000004"], "STANDBY"), (items()["NODE3000010"], "VENT_DOME")]

    assert [item.item_id for item in best_first("processor standby", candidates)] == ["NODE3000004"]
    assert [item.item_id for item in best_first("dome", candidates)] == ["NODE3000010"]


def test_no_text_finds_all_in_their_order() -> None:
    assert ids("") == ids("  ") == list(items())


def test_every_item_says_in_one_plain_sentence_what_it_is() -> None:
    sentences = [item.description for item in items().values()]

    assert len(set(sentences)) == 337
    assert [text for text in sentences if len(text) not in LETTERS_OF_A_SENTENCE] == []
    assert [text for text in sentences if not text.endswith(".") or not text[0].isupper()] == []
    assert [text for text in sentences if ". " in text or not text.isascii()] == []


def test_every_item_has_a_short_plain_name_of_its_own_and_synonyms_in_lower_case() -> None:
    names = [item.plain_name for item in items().values()]

    assert len(set(names)) == 337
    assert [name for name in names if not 0 < len(name) <= LONGEST_NAME] == []
    for item in items().values():
        assert item.synonyms
        assert [word for word in item.synonyms if not word or word != word.lower().strip()] == [], item.item_id
        assert len(set(item.synonyms)) == len(item.synonyms), item.item_id


def test_nothing_is_described_that_is_not_in_the_catalogue() -> None:
    text = files("iss_agents.telemetry").joinpath("descriptions.csv").read_text(encoding="utf-8")

    assert {row["item_id"] for row in csv.DictReader(text.splitlines())} == set(items())


def test_a_sentence_names_its_source_unless_it_only_follows_from_the_name() -> None:
    sourced = [item for item in items().values() if item.description_source]

    assert len(sourced) > 200
    assert items()["NODE3000005"].description_source.endswith("chapter 19")
    assert items()["AIRLOCK000052"].description_source == ""
