"""What is said: every phrase, at its longest, and the choice among them."""

from datetime import timedelta, timezone
from importlib.resources import files

import pytest

from iss_agents.announcers.texts import text as texts
from iss_agents.announcers.texts.text import compose, haiku, jokes, phrases, text_for
from tests.announcers.texts.syllables import syllables
from tests.announcers.texts.weighing import links, weighted_length
from tests.factories import NOON, urination

FACTS = "\n\n💧 "
"""Stands between the phrase and the event's time."""

LEVELS = [(42, 45), (0, 100), (88.8, 99.9), (12.34, 17.89), (100, 100), (45, 42)]


def head(text: str) -> str:
    return text.split(FACTS, maxsplit=1)[0]


def test_text_has_time_and_level_below_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "phrases", lambda: ("Up {delta} %, {left} % of room.",))
    in_paris = NOON.astimezone(timezone(timedelta(hours=2)))
    event = urination(detected_at=in_paris, level_before=41.96, level_after=45.5)

    assert text_for(event) == "Up 3.5 %, 54.5 % of room.\n\n💧 2026-08-11 11:59:00 UTC · tank 42 % → 45.5 %"


def test_there_are_enough_and_none_comes_twice() -> None:
    assert len(jokes()) >= 110
    assert len(haiku()) >= 50
    assert len({phrase.casefold() for phrase in phrases()}) == len(jokes()) + len(haiku())


@pytest.mark.parametrize("name", ["jokes.txt", "haiku.txt"])
def test_files_have_no_blank_lines_or_stray_space(name: str) -> None:
    lines = files("iss_agents.announcers.texts").joinpath(name).read_text("utf-8").splitlines()

    assert [line for line in lines if not line or line != line.strip()] == []


@pytest.mark.parametrize("levels", LEVELS)
def test_every_text_fits_into_a_post(levels: tuple[float, float]) -> None:
    lengths = {phrase: weighted_length(compose(phrase, NOON, *levels)) for phrase in phrases()}

    assert {phrase: length for phrase, length in lengths.items() if length > 280} == {}


def test_no_text_has_a_link_or_calls_anyone() -> None:
    everything = [compose(phrase, NOON, 42, 45) for phrase in phrases()]

    assert [text for text in everything if links(text) or set(text) & set("@#$")] == []


@pytest.mark.parametrize("poem", haiku())
def test_haiku_has_five_seven_five(poem: str) -> None:
    for line, count in zip(poem.splitlines(), (5, 7, 5), strict=True):
        assert count in syllables(line), line


def test_syllables_are_counted() -> None:
    assert syllables("Coffee dreams inside a drum.") == {7}
    assert syllables("Every drop") == {3, 4}
    with pytest.raises(KeyError, match="xyzzy"):
        syllables("xyzzy")


def test_choice_is_the_same_in_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "phrases", lambda: ("one", "two", "three"))
    chosen = [head(text_for(urination(event_id))) for event_id in "abcdefgh"]

    assert chosen == ["three", "three", "two", "two", "one", "one", "two", "one"]


def test_a_new_phrase_changes_only_the_events_that_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [urination(str(number)) for number in range(500)]
    before = [text_for(event) for event in events]
    more = ("Brand new.", *phrases())
    monkeypatch.setattr(texts, "phrases", lambda: more)
    after = [text_for(event) for event in events]

    changed = [text for text, old in zip(after, before, strict=True) if text != old]
    assert changed
    assert {head(text) for text in changed} == {"Brand new."}


def test_a_year_of_events_uses_every_phrase_and_no_text_twice() -> None:
    hours = range(365 * 8)
    events = [urination(str(hour), detected_at=NOON + timedelta(hours=3 * hour)) for hour in hours]
    said = [text_for(event) for event in events]

    assert len(set(said)) == len(events)
    assert {head(text) for text in said} == {head(compose(phrase, NOON, 42, 45)) for phrase in phrases()}
