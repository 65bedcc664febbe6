"""Escaping of foreign text for terminals, logs and XML: nothing in it acts, hides or reverses."""


def printable(text: str) -> str:
    r"""Return `text` with each invisible character escaped as in Python: `\x1b`, `\n`, `\u202e`.

    These are control and format characters (terminals obey C0 and C1, bidirectional ones reverse a line), line
    and paragraph separators, lone surrogates, private and unassigned characters, and spaces except the ordinary
    one. A text that contains a literal `\x1b` looks the same: JSON output shows the difference.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def printable_lines(text: str) -> str:
    """Return the same for a text whose line feeds are ours."""
    return "\n".join(map(printable, text.split("\n")))
