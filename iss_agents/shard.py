"""Which items a feed takes where several share the work: each raw partition is written by one of them."""

import re
from dataclasses import dataclass
from typing import Self

from iss_agents.catalog import SIGNAL_ITEM, items
from iss_agents.topics import RAW, partition_for

TEXT = re.compile(r"([1-9]\d?)/([1-9]\d?)", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """The items in the raw partitions p with p % `count` == `number` - 1; 1/1 is the whole feed."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that is written as 2/3, the second of three.

        Raises:
            ValueError: it is none, or there are more shards than partitions.
        """
        found = TEXT.fullmatch(text)
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.count <= RAW.partitions:
            raise ValueError(f"expected which shard of how many, from 1/1 to {RAW.partitions}/{RAW.partitions}")
        return shard

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Return the shard that a record names; None is the whole feed. Raises ValueError as `parse` does."""
        return cls() if text is None else cls.parse(text)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole feed."""
        return self.count == 1

    @property
    def suffix(self) -> str:
        """What the names of its consumer group and its spools end with: -2-of-3, nothing for the whole feed."""
        return "" if self.is_whole else f"-{self.number}-of-{self.count}"

    @property
    def siblings(self) -> list[Self]:
        """All shards that make the whole feed together, this one too."""
        return [type(self)(number, self.count) for number in range(1, self.count + 1)]

    @property
    def partitions(self) -> range:
        """The raw partitions that only this shard writes."""
        return range(self.number - 1, RAW.partitions, self.count)

    @property
    def watched(self) -> list[str]:
        """The items to ask the server for, the station's clock first: by it every shard knows AOS from LOS."""
        return [item for item in items() if item == SIGNAL_ITEM or self.holds(item)]

    def holds(self, item_id: str) -> bool:
        """Return whether an item is published by this shard."""
        return self.is_whole or partition_for(item_id) in self.partitions

    def replaces(self, other: "Shard") -> bool:
        """Return whether it takes up what `other` left: it is the same, or the number of shards has changed."""
        return self == other or self.count != other.count

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


WHOLE = Shard()


def shards_with(item_id: str) -> list[Shard]:
    """Return the shard that holds an item, for each number of shards that there may be, but the whole feed."""
    siblings = (shard for count in range(2, RAW.partitions + 1) for shard in Shard(1, count).siblings)
    return [shard for shard in siblings if shard.holds(item_id)]
