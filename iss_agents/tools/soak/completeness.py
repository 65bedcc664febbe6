"""Completeness of the archive: each number once, at its time, and none missing without a record of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, Protocol, Self

import msgspec

from iss_agents.archive.mongo import Database, Document
from iss_agents.telemetry.shards import Shard
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers

EDGE = timedelta(seconds=2)
"""A gap is recorded from reading to reading, so a missing one may lie so far outside."""

SHOWN = 3
"""Examples in one sentence."""


class GapSpan(NamedTuple):
    """A recorded gap, and the shard of the feed whose items it concerns."""

    start: datetime
    end: datetime
    shard: Shard

    @classmethod
    def of(cls, gap: Document) -> Self:
        """Return the span of a gap's document."""
        return cls(gap["start"] - EDGE, gap["end"] + EDGE, Shard.of(gap.get("shard")))


class Recorded(NamedTuple):
    """What the system itself reports as missing: gaps, and (item, value) of rejected updates."""

    gaps: Sequence[GapSpan] = ()
    refused: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, gaps: Iterable[Document], invalid: Iterable[Document]) -> Self:
        """Return what closed gaps, and dead letters of the feed, account for."""
        refused = frozenset(_update(document["payload"]) for document in invalid)
        return cls([GapSpan.of(gap) for gap in gaps], refused)

    def has_gap(self, item_id: str, time: datetime) -> bool:
        """Return whether a gap of this item is recorded at a time."""
        return any(gap.start <= time <= gap.end and gap.shard.holds(item_id) for gap in self.gaps)


def _update(payload: bytes) -> tuple[str, str]:
    # The feed's dead letters hold the update as received; those of the publisher hold the reading made of it.
    kept = msgspec.json.decode(payload)
    return kept["item_id"], kept["fields"]["Value"] if "fields" in kept else kept["value"]


class Source(Protocol):
    """Source of numbers, which knows which of them may be missing."""

    def last(self) -> Mapping[str, int]:
        """Return item -> its last count."""

    def time_of(self, item_id: str, number: int) -> datetime:
        """Return the time under which a number must be stored."""

    def is_excused(self, item_id: str, number: int, recorded: Recorded) -> bool:
        """Return whether a number may be missing."""

    def may_be_refused(self, item_id: str, number: int) -> bool:
        """Return whether a number may be among the dead letters."""


@dataclass(frozen=True)
class Complete:
    """A source without permitted loss."""

    numbers: Numbers

    def last(self) -> Mapping[str, int]:
        """Return item -> its last count."""
        return self.numbers.last()

    def time_of(self, item_id: str, number: int) -> datetime:
        """Return the time of a number."""
        return self.numbers.time_of(item_id, number)

    def is_excused(self, item_id: str, number: int, recorded: Recorded) -> bool:  # noqa: ARG002 - see Source
        """Return False."""
        return False

    def may_be_refused(self, item_id: str, number: int) -> bool:  # noqa: ARG002 - see Source
        """Return False."""
        return False


class Gappy(Complete):
    """A source that may lose what lies in a recorded gap."""

    def is_excused(self, item_id: str, number: int, recorded: Recorded) -> bool:
        """Return whether a gap is recorded at the number's time."""
        return recorded.has_gap(item_id, self.time_of(item_id, number))


class Completeness:
    """Count of the stored numbers of each item, each of which must be there once."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._source_of = {item: source for source in sources for item in source.last()}
        self._seen = {item: bytearray(source.last()[item] + 1) for item, source in self._source_of.items()}
        self._unexpected: list[str] = []

    def note(self, stored: Document) -> None:
        """Count a stored reading of a numbered item."""
        item, number = stored["item_id"], int(stored["value"])
        seen = self._seen.get(item, bytearray())
        if (
            0 < number < len(seen)
            and not seen[number]
            and stored["source_ts"] == self._source_of[item].time_of(item, number)
        ):
            seen[number] = 1
        else:
            self._unexpected.append(f"{item}: {number} of {stored['source_ts']} should not be there")

    def differences(self, recorded: Recorded) -> list[str]:
        """Return a sentence for each of a few unexpected numbers, and one for the missing ones."""
        missing = [
            f"{item} {number}"
            for item, seen in self._seen.items()
            for number in range(1, len(seen))
            if not seen[number] and not self._source_of[item].is_excused(item, number, recorded)
        ]
        refused = [
            f"{item} {value}"
            for item, value in sorted(recorded.refused)
            if not self._may_be_refused(item, value)
        ]
        return [
            *self._unexpected[:SHOWN],
            *([f"readings: {len(missing)} are missing without an excuse, {some(missing)}"] if missing else []),
            *([f"invalid: {len(refused)} good readings were refused, {some(refused)}"] if refused else []),
        ]

    def _may_be_refused(self, item: str, value: str) -> bool:
        source = self._source_of.get(item)
        return source is not None and source.may_be_refused(item, int(value))


async def wrong_numbers(database: Database, sources: Sequence[Source]) -> list[str]:
    """Return what is not right about the stored numbers."""
    completeness = Completeness(sources)
    # Item by item: the embedded database builds a whole result before it sends any of it.
    for item in NUMBERED_ITEMS:
        fields = {"item_id": 1, "value": 1, "source_ts": 1}
        async for document in database["readings"].find({"item_id": item}, fields):
            completeness.note(document)
    gaps = await database["gaps"].find({"end": {"$ne": None}}).to_list(None)
    invalid = await database["invalid"].find({"stage": "feed"}, {"payload": 1}).to_list(None)
    return completeness.differences(Recorded.of(gaps, invalid))


def some(names: Iterable[object]) -> str:
    """Return a few of the names, for a sentence."""
    return ", ".join(map(str, islice(names, SHOWN)))
