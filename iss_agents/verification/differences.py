"""What a comparison of the bus with what was made of it has found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["missing", "unexpected", "behind", "ahead"]
"""missing: on the bus, not in MongoDB. unexpected: in MongoDB, not on the bus. behind: a Table's value is older
than what its agent has committed. ahead: it is newer than anything on the bus."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be: `name` is an id in a collection, or a key of a Table."""

    kind: Kind
    place: str
    name: str
    detail: str = ""


@dataclass
class Report:
    """What was compared, by collection or Table.

    `underway` are records that their consumer has not committed yet: they may lack, and are no differences.
    """

    checked: Counter[str] = field(default_factory=Counter)
    underway: Counter[str] = field(default_factory=Counter)
    differences: set[Difference] = field(default_factory=set)

    @property
    def good(self) -> bool:
        """Whether nothing differs."""
        return not self.differences
