"""Shards of the feed: which items each feed publishes; each raw partition is written by one shard."""

import re
from dataclasses import dataclass
from typing import Self

from iss_agents.telemetry.catalog import CLOCK_ITEMS, items
from iss_agents.telemetry.topics import RAW, partition_for

TEXT = re.compile(r"([1-9]\d?)/([1-9]\d?)", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """The items in the raw partitions p with p % `count` == `number` - 1; 1/1 is the whole feed."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard of a text such as 2/3, the second of three.

        Raises:
            ValueError: the text is not a shard, or there are more shards than partitions.
        """
        found = TEXT.fullmatch(text)
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.count <= RAW.partitions:
            raise ValueError(f"expected a shard, from 1/1 to {RAW.partitions}/{RAW.partitions}")
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
        """Suffix of its consumer group and its spools: -2-of-3, empty for the whole feed."""
        return "" if self.is_whole else f"-{self.number}-of-{self.count}"

    @property
    def siblings(self) -> list[Self]:
        """All shards that together are the whole feed, including this one."""
        return [type(self)(number, self.count) for number in range(1, self.count + 1)]

    @property
    def partitions(self) -> range:
        """The raw partitions that this shard alone writes."""
        return range(self.number - 1, RAW.partitions, self.count)

    @property
    def watched(self) -> list[str]:
        """The items to subscribe to, first the station's year and clock, which every shard needs."""
        return [item for item in items() if item in CLOCK_ITEMS or self.holds(item)]

    def holds(self, item_id: str) -> bool:
        """Return whether this shard publishes an item."""
        return self.is_whole or partition_for(item_id) in self.partitions

    def replaces(self, other: "Shard") -> bool:
        """Return whether it succeeds `other`: it is the same shard, or the number of shards has changed."""
        return self == other or self.count != other.count

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


WHOLE = Shard()


def shards_with(item_id: str) -> list[Shard]:
    """Return the shards that hold an item, one for each possible number of shards from 2."""
    siblings = (shard for count in range(2, RAW.partitions + 1) for shard in Shard(1, count).siblings)
    return [shard for shard in siblings if shard.holds(item_id)]
