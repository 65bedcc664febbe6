"""A replica of the Tables, made of the records of their changelog topics."""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from iss_agents import metrics, topics
from iss_agents.records import Reading, decoder

logger = logging.getLogger(__name__)

LAST_SEEN = "last_seen"
CHANGELOGS = {
    LAST_SEEN: topics.LAST_SEEN_CHANGELOG,
    "tank_levels": topics.TANK_LEVELS_CHANGELOG,
    "tweet_cooldowns": topics.TWEET_COOLDOWNS_CHANGELOG,
}
TABLES = {topic.name: table for table, topic in CHANGELOGS.items()}
"""Changelog topic -> name of its Table."""


class Record(Protocol):
    """What of a Kafka record matters here. A value of None deletes the key."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Entry(msgspec.Struct):
    """What the values of all Tables have in common."""

    sequence: int = 0
    reading: Reading | None = None


class Held(NamedTuple):
    """The newest value of a key: what all Tables agree on, and its JSON as it came."""

    entry: Entry
    value: bytes


decode_key = decoder(str)
decode_entry = decoder(Entry)


class Replica:
    """Key -> newest value of every Table.

    The higher sequence wins: a later record with a lower one was written by a worker that stood still
    and did not know that it had a successor.
    """

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Held]] = {name: {} for name in CHANGELOGS}
        self._undecodable = 0

    def apply(self, records: Iterable[Record]) -> list[Reading]:
        """Take in records in their order and return the readings that became the last seen of their item."""
        changed = {
            key for record in records if (key := self._apply(record)) and TABLES[record.topic] == LAST_SEEN
        }
        metrics.ITEMS_KNOWN.set(len(self._tables[LAST_SEEN]))
        return [reading for key in changed if (reading := self.reading(key))]

    def table(self, name: str) -> dict[str, Any]:
        """Return key -> value of a Table, decoded. Raises KeyError if there is no such Table."""
        # Decoded at the question: questions are much rarer than records.
        return {key: msgspec.json.decode(held.value) for key, held in self._tables[name].items()}

    def reading(self, item_id: str) -> Reading | None:
        """Return the newest reading of an item, or None if it was never measured."""
        held = self._tables[LAST_SEEN].get(item_id)
        return held.entry.reading if held else None

    def _apply(self, record: Record) -> str | None:
        table = self._tables[TABLES[record.topic]]
        try:
            key = decode_key(record.key or b"")
            held = Held(decode_entry(record.value), record.value) if record.value is not None else None
        except msgspec.DecodeError as error:
            self._ignore(record, error)
            return None
        if held is None:
            table.pop(key, None)
        elif key in table and held.entry.sequence < table[key].entry.sequence:
            return None
        else:
            table[key] = held
        return key

    def _ignore(self, record: Record, error: msgspec.DecodeError) -> None:
        metrics.STATE_UNDECODABLE.inc()
        self._undecodable += 1
        if self._undecodable == 1:
            logger.warning(
                "Ignored %s of %r: %s; further ones are only counted", record.topic, record.key, error
            )
