"""Replica (materialized view) of the Tables and of the small topics, built from their records."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

import msgspec

from iss_agents.runtime import metrics
from iss_agents.state_view.open_gaps import OpenGaps
from iss_agents.state_view.trends import Trends
from iss_agents.state_view.uses import UsesLog
from iss_agents.telemetry import topics
from iss_agents.telemetry.ordering import Version, is_later, latest_plausible
from iss_agents.telemetry.records import Reading, Source, decoder
from iss_agents.telemetry.series import TEST, is_test, item_of, series_of
from iss_agents.telemetry.station_clock import milliseconds

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
"""Topic other than a changelog -> kind of its records."""


class Record(Protocol):
    """The used part of a Kafka record. A value of None deletes the key; `timestamp` is in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...


class Entry(msgspec.Struct):
    """Common fields of the values of all Tables."""

    sequence: int = 0
    offset: int = -1
    generation: int = 0
    reading: Reading | None = None

    @property
    def version(self) -> Version:
        """How new it is."""
        return Version(generation=self.generation, offset=self.offset, sequence=self.sequence)


class Held(NamedTuple):
    """The newest value of a key: its common fields, and its JSON as received."""

    entry: Entry
    value: bytes


decode_key = decoder(str)
decode_entry = decoder(Entry)


class Replica:
    """Key -> newest value of every Table, and the latest uses and gaps.

    The greater version wins: a later record with a smaller version was written by a suspended worker that did
    not know that it had a successor.
    """

    def __init__(self) -> None:
        self.name = token_hex(4)
        """Distinguishes this replica's versions from those of others."""
        self.version = 0
        """Grows with each change of a series."""
        self.trends = Trends()
        self.uses = UsesLog()
        self.gaps = OpenGaps()
        self._tables: dict[str, dict[str, Held]] = {name: {} for name in CHANGELOGS}
        # Counted change by change: counting 337,000 items after each fetch would take most of a start.
        self._items = 0
        self._measured: Counter[Source] = Counter()
        # source -> its reading that was received last
        self._newest: dict[Source, Reading] = {}
        # series -> version of its last change, in the order of the versions
        self._changed: dict[str, int] = {}
        self._undecodable = 0
        self._apply_small_topic: Mapping[str, Callable[[bytes, int], None]] = {
            "events": self.uses.take_event,
            "decisions": self.uses.take_decision,
            "gaps": self.gaps.apply,
        }

    def apply(self, records: Iterable[Record]) -> list[Reading]:
        """Apply records in order; return the readings that became the newest of their series."""
        changed = {
            key for record in records if (key := self._apply(record)) and TABLES.get(record.topic) == LAST_SEEN
        }
        metrics.ITEMS_KNOWN.set(self._items)
        held = (self._tables[LAST_SEEN].get(series) for series in changed)
        return [each.entry.reading for each in held if each and each.entry.reading]

    def table(self, name: str) -> dict[str, Any]:
        """Return key -> value of a Table, decoded. Raises KeyError if there is no such Table."""
        # Decoded on demand: requests are much rarer than records.
        return {key: msgspec.json.decode(held.value) for key, held in self._tables[name].items()}

    def value(self, name: str, key: str) -> bytes | None:
        """Return the JSON of one key of a Table, or None. Raises KeyError if there is no such Table."""
        held = self._tables[name].get(key)
        return held.value if held else None

    def reading(self, item_id: str, source: Source) -> Reading | None:
        """Return the newest reading of an item from a source, or None if it was never measured."""
        held = self._tables[LAST_SEEN].get(series_of(item_id, source))
        # A value may be that of another feed, or of a test that an earlier version kept under the item.
        same = held and held.entry.reading and held.entry.reading.source == source
        return held.entry.reading if held and same else None

    def newest(self, source: Source) -> Reading | None:
        """Return the reading from a source that was received last."""
        return self._newest.get(source)

    def measured(self, source: Source) -> int:
        """Return how many items have a reading from a source."""
        return self._measured[source]

    def version_of(self, item_id: str, source: Source) -> int:
        """Return the version of an item's last change by a source, 0 if there was none."""
        return self._changed.get(series_of(item_id, source), 0)

    def changed_since(self, version: int, source: Source) -> list[str]:
        """Return the items that a source changed after `version`, the last one first."""
        changed = takewhile(lambda pair: pair[1] > version, reversed(self._changed.items()))
        return [item_of(series) for series, _ in changed if is_test(series) == (source == TEST)]

    def _apply(self, record: Record) -> str | None:
        """Apply one record; return the key of the Table that it changed, if any."""
        try:
            if record.topic in SUBJECTS:
                self._apply_small_topic[SUBJECTS[record.topic]](record.value or b"", record.timestamp)
                return None
            return self._apply_to_table(TABLES[record.topic], record)
        except Exception as error:  # noqa: BLE001 - the edge: whatever one record breaks, the others are shown
            self._ignore(record, error)
            return None

    def _apply_to_table(self, name: str, record: Record) -> str | None:
        table = self._tables[name]
        key = decode_key(record.key or b"")
        held = Held(decode_entry(record.value), record.value) if record.value is not None else None
        before = table.get(key)
        if held is None:
            table.pop(key, None)
        elif before and (held.entry.version < before.entry.version or held.value == before.value):
            return None
        else:
            table[key] = held
        if name == LAST_SEEN:
            self._count(key, before, -1)
            self._count(key, held, +1)
            self._note_change(key, held and held.entry.reading)
        return key

    def _count(self, series: str, held: Held | None, change: int) -> None:
        if held and not is_test(series):
            self._items += change
        if held and held.entry.reading:
            self._measured[held.entry.reading.source] += change

    def _note_change(self, series: str, reading: Reading | None) -> None:
        self.version += 1
        self._changed.pop(series, None)
        self._changed[series] = self.version
        if reading is None:
            return
        self.trends.add(reading)
        before = self._newest.get(reading.source)
        if not before or _came_later(reading, before):
            self._newest[reading.source] = reading

    def _ignore(self, record: Record, error: Exception) -> None:
        metrics.STATE_UNDECODABLE.inc()
        self._undecodable += 1
        if self._undecodable == 1:
            logger.warning(
                "Ignored %s of %r: %r; further ones are only counted", record.topic, record.key, error
            )


def _came_later(reading: Reading, before: Reading) -> bool:
    return is_later(milliseconds(reading.ingest_ts), milliseconds(before.ingest_ts), latest_plausible())
