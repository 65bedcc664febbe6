"""Text that is not ours, and what is left of it that could act."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.runtime.printable import printable, printable_lines

ANY = st.text(st.characters(codec=None, categories=("C", "Z", "L", "N")))


@settings(deadline=None)
@given(ANY)
def test_nothing_that_acts_is_left(text: str) -> None:
    assert {unicodedata.category(one)[0] for one in printable(text)} <= {"L", "N", "P", "S", "M", "Z"}
    assert set(printable(text)) & {"\n", "\x7f", "\u2028", "\u2029", "\xa0"} == set()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("742.6", "742.6"),
        ("grün 🚀 [bold]", "grün 🚀 [bold]"),
        ("\x1b]0;pwned\x1b\\", "\\x1b]0;pwned\\x1b\\"),
        ("a\nINJECTED\r\tline", "a\\nINJECTED\\r\\tline"),
        ("\x00\x7f\x9b\x9d", "\\x00\\x7f\\x9b\\x9d"),
        ("\u202eabc\u2066\u200f\u061c\u2028", "\\u202eabc\\u2066\\u200f\\u061c\\u2028"),
        ("\ud800 \U000e0041", "\\ud800 \\U000e0041"),
    ],
)
def test_what_is_not_seen_is_spelled(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_feeds_of_ours_stay() -> None:
    assert printable_lines("one\n\x1b\rtwo\n") == "one\n\\x1b\\rtwo\n"
