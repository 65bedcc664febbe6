"""Report of a verification: the differences between Kafka and what was derived from it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["missing", "unexpected", "behind", "ahead"]
"""missing: in Kafka, not in MongoDB. unexpected: in MongoDB, not in Kafka. behind: a Table's value is older
than what its agent has committed. ahead: it is newer than anything in Kafka."""


@dataclass(frozen=True)
class Difference:
    """One difference: `name` is an id in a collection, or a key of a Table."""

    kind: Kind
    place: str
    name: str
    detail: str = ""


@dataclass
class Report:
    """What was compared, by collection or Table.

    `underway` counts records that their consumer has not committed yet: they may be missing.
    """

    checked: Counter[str] = field(default_factory=Counter)
    underway: Counter[str] = field(default_factory=Counter)
    differences: set[Difference] = field(default_factory=set)

    @property
    def good(self) -> bool:
        """Whether nothing differs."""
        return not self.differences
