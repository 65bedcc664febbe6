"""A replica of the Tables and of the small topics beside them, made of the records of all these topics."""

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

import msgspec

from iss_agents import metrics, topics
from iss_agents.records import Reading, decoder
from web.open_gaps import OpenGaps
from web.trends import Trends
from web.uses import UsesLog

logger = logging.getLogger(__name__)

LAST_SEEN = "last_seen"
CHANGELOGS = {
    LAST_SEEN: topics.LAST_SEEN_CHANGELOG,
    "tank_levels": topics.TANK_LEVELS_CHANGELOG,
    "tweet_cooldowns": topics.TWEET_COOLDOWNS_CHANGELOG,
}
TABLES = {topic.name: table for table, topic in CHANGELOGS.items()}
"""Changelog topic -> name of its Table."""

FOLLOWED = {"events": topics.EVENTS, "decisions": topics.DECISIONS, "gaps": topics.GAPS}
SUBJECTS = {topic.name: subject for subject, topic in FOLLOWED.items()}
"""Topic that is no changelog -> what its records are."""


class Record(Protocol):
    """What of a Kafka record matters here. A value of None deletes the key; `timestamp` is in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...


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
    """Key -> newest value of every Table, and what was said of uses and gaps.

    The higher sequence wins: a later record with a lower one was written by a worker that stood still
    and did not know that it had a successor.
    """

    def __init__(self) -> None:
        self.name = token_hex(4)
        """Tells this replica's versions from those of any other."""
        self.version = 0
        """Grows with each change of an item."""
        self.newest: Reading | None = None
        """The reading that came in last; test readings do not count, since they come from nobody out there."""
        self.trends = Trends()
        self.uses = UsesLog()
        self.gaps = OpenGaps()
        self._tables: dict[str, dict[str, Held]] = {name: {} for name in CHANGELOGS}
        # item id -> version of its last change, in the order of the versions
        self._changed: dict[str, int] = {}
        self._undecodable = 0
        self._take: Mapping[str, Callable[[bytes, int], None]] = {
            "events": self.uses.take_event,
            "decisions": self.uses.take_decision,
            "gaps": self.gaps.take,
        }

    def apply(self, records: Iterable[Record]) -> list[Reading]:
        """Take in records in their order and return the readings that became the last seen of their item."""
        changed = {
            key for record in records if (key := self._apply(record)) and TABLES.get(record.topic) == LAST_SEEN
        }
        metrics.ITEMS_KNOWN.set(len(self._tables[LAST_SEEN]))
        return [reading for key in changed if (reading := self.reading(key))]

    def table(self, name: str) -> dict[str, Any]:
        """Return key -> value of a Table, decoded. Raises KeyError if there is no such Table."""
        # Decoded at the question: questions are much rarer than records.
        return {key: msgspec.json.decode(held.value) for key, held in self._tables[name].items()}

    def value(self, name: str, key: str) -> bytes | None:
        """Return the JSON of one key of a Table, or None. Raises KeyError if there is no such Table."""
        held = self._tables[name].get(key)
        return held.value if held else None

    def reading(self, item_id: str) -> Reading | None:
        """Return the newest reading of an item, or None if it was never measured."""
        held = self._tables[LAST_SEEN].get(item_id)
        return held.entry.reading if held else None

    def measured(self) -> int:
        """Return how many items have a reading."""
        return len(self._tables[LAST_SEEN])

    def version_of(self, item_id: str) -> int:
        """Return the version of an item's last change, 0 if there was none."""
        return self._changed.get(item_id, 0)

    def changed_since(self, version: int) -> list[str]:
        """Return the items that changed after `version`, the last one first."""
        return [item for item, _ in takewhile(lambda pair: pair[1] > version, reversed(self._changed.items()))]

    def _apply(self, record: Record) -> str | None:
        """Take in one record and return the key of the Table that it changed, if any."""
        try:
            if record.topic in SUBJECTS:
                self._take[SUBJECTS[record.topic]](record.value or b"", record.timestamp)
                return None
            return self._apply_to_table(TABLES[record.topic], record)
        except msgspec.DecodeError as error:
            self._ignore(record, error)
            return None

    def _apply_to_table(self, name: str, record: Record) -> str | None:
        table = self._tables[name]
        key = decode_key(record.key or b"")
        held = Held(decode_entry(record.value), record.value) if record.value is not None else None
        before = table.get(key)
        if held is None:
            table.pop(key, None)
        elif before and (held.entry.sequence < before.entry.sequence or held.value == before.value):
            return None
        else:
            table[key] = held
        if name == LAST_SEEN:
            self._note_change(key, held and held.entry.reading)
        return key

    def _note_change(self, item_id: str, reading: Reading | None) -> None:
        self.version += 1
        self._changed.pop(item_id, None)
        self._changed[item_id] = self.version
        if reading is None:
            return
        self.trends.add(reading)
        if reading.source != "test" and (not self.newest or reading.ingest_ts > self.newest.ingest_ts):
            self.newest = reading

    def _ignore(self, record: Record, error: msgspec.DecodeError) -> None:
        metrics.STATE_UNDECODABLE.inc()
        self._undecodable += 1
        if self._undecodable == 1:
            logger.warning(
                "Ignored %s of %r: %s; further ones are only counted", record.topic, record.key, error
            )
