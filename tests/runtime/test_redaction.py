"""No address shows what is secret in it, and everything else of it stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.runtime.redaction import redacted, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mongodb://localhost:27017/?directConnection=true",) * 2,
        ("mongodb+srv://user@host/",) * 2,
        ("http://[::1]:8000/a?b=c",) * 2,
        ("localhost:9092",) * 2,
        ("mongodb://user:pa:ss@word@host:1/iss?ssl=true", "mongodb://user:***@host:1/iss?ssl=true"),
        ("mongodb://user:pass word/'\"@host/", "mongodb://user:***@host/"),
        ("https://:secret@host/", "https://:***@host/"),
        ("https://token@host/path", "https://***@host/path"),
        ("user:secret@host:9092", "user:***@host:9092"),
        ("http://host/?token=a&w=1#x", "http://host/?token=***&w=1#x"),
        (
            "mongodb://host/?tlsCertificateKeyFilePassword=a&w=1",
            "mongodb://host/?tlsCertificateKeyFilePassword=***&w=1",
        ),
    ],
)
def test_only_what_is_secret_in_an_address_is_hidden(address: str, shown: str) -> None:
    assert without_password(address) == shown


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Nothing answers at http://127.0.0.1:8000: set ISS_URL, or ask me@example.org.",) * 2,
        (
            "The feed at https://u:s@h is away; try http://t@h.",
            "The feed at https://u:***@h is away; try http://***@h.",
        ),
        ('{"message": "at http://u:s@h", "by": "a@b"}', '{"message": "at http://u:***@h", "by": "a@b"}'),
    ],
)
def test_a_sentence_keeps_all_else(sentence: str, shown: str) -> None:
    assert redacted(sentence) == shown


PASSWORDS = st.text(
    st.characters(exclude_categories=("Z", "C"), exclude_characters=" "), min_size=1, max_size=20
)


@settings(deadline=None)
@given(PASSWORDS, st.sampled_from(["mongodb", "http", "https", "kafka"]))
def test_no_password_is_left_whatever_it_is(password: str, scheme: str) -> None:
    address = f"{scheme}://user:{password}@host:1/path"

    assert without_password(address) == f"{scheme}://user:***@host:1/path"
    assert redacted(f"It is {address} that fails") == f"It is {scheme}://user:***@host:1/path that fails"
