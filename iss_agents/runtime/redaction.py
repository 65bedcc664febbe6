"""Redaction of secrets in addresses, alone and within a sentence."""

import re

HIDDEN = "***"

USER_ALONE = r"(?P<scheme>https?://)[^\s:/?#@]+(?=@)"
"""A user without a password, which is usually a token."""

OPTION = r"(?P<option>[?&;][^\s=&?;]*(?:password|properties|token|secret|key)=)[^\s&]*"

ADDRESS = re.compile(
    rf"(?P<user>(?:^(?![\w+.-]+://)|//)[^:/?#@]*:).*(?=@)|{USER_ALONE}|{OPTION}", re.IGNORECASE | re.DOTALL
)
"""A password ends at the last @, encoded or not. The scheme may be missing in a mistyped address."""

SENTENCE = re.compile(rf"(?P<user>//[^\s:/?#@]*:)\S*(?=@)|{USER_ALONE}|{OPTION}", re.IGNORECASE)


def without_password(address: str) -> str:
    """Return an address with `***` for its password and secret options."""
    return ADDRESS.sub(_hidden, address)


def redacted(text: str) -> str:
    """Return a text with the secrets of all addresses in it redacted."""
    return SENTENCE.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    return f"{found[found.lastgroup or 0]}{HIDDEN}"
