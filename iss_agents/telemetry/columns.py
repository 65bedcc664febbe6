"""Columns: many records, field by field, which take a fraction of the time of one record after the other."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

Column = Sequence[Any]
"""Values of a field, in the order of the records. One value alone is that of every record."""


def spread(column: Column, count: int) -> Iterable[Any]:
    """Return the value of each of `count` records."""
    return repeat(column[0], count) if len(column) == 1 else column
