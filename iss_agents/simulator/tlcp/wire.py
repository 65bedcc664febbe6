"""TLCP 2.5.0 as text: how requests are read and update lines are written.

Lines are `TAG,argument,...` ended by CRLF (Lightstreamer's "TLCP Specification", version 2.5.0).
"""

import re
from collections.abc import Sequence
from itertools import groupby
from urllib.parse import unquote

SUBPROTOCOL = "TLCP-2.5.0.lightstreamer.com"
LINE_END = "\r\n"

Parameters = dict[str, str]
Values = Sequence[str | None]
"""The values of an item in the order of a subscription's schema."""

_RESERVED = re.compile(r"[|%\r\n]|^[#$^]")
"""`|` separates values; `#`, `$` and `^` have a meaning as a value's first character only."""


class ProtocolError(Exception):
    """A request that is refused, with the code of the specification's appendix A (sessions) or B (requests)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


def read_parameters(line: str) -> Parameters:
    """Return the parameters of one request line, percent-decoded.

    Raises:
        ProtocolError: 67, a part of the line is not `name=value`.
    """
    parts = [part.partition("=") for part in line.split("&") if part]
    if not all(separator for _, separator, _ in parts):
        raise ProtocolError(67, "Malformed request")
    return {name: unquote(value) for name, _, value in parts}


def read_count(parameters: Parameters, name: str, default: int) -> int:
    """Return the parameter `name`, a whole number of milliseconds or bytes.

    Raises:
        ProtocolError: 65, it is none.
    """
    text = parameters.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise ProtocolError(65, f"{name} is not a whole number")
    return int(text)


def encode_values(values: Values, previous: Values | None) -> str:
    """Return the value list of a `U` line; with `previous`, unchanged values are left out."""
    if previous is None:
        return "|".join(map(_encode, values))
    tokens: list[str] = []
    pairs = zip(values, previous, strict=True)
    for unchanged, group in groupby(pairs, key=lambda pair: pair[0] == pair[1]):
        run = [value for value, _ in group]
        tokens += [_skip(len(run))] if unchanged else map(_encode, run)
    return "|".join(tokens)


def _skip(count: int) -> str:
    return "" if count == 1 else f"^{count}"


def _encode(value: str | None) -> str:
    if value is None:
        return "#"
    if not value:
        return "$"
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", value)
