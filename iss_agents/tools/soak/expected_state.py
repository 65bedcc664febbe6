"""Expected state: what the raw topic, read in order, must produce in Tables, events and dead letters."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from iss_agents.agents.last_value import Seen, fold
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.kafka.reader import TopicReader
from iss_agents.telemetry.catalog import TANK_ITEMS
from iss_agents.telemetry.codec import DecodeError, decode_message
from iss_agents.telemetry.dead_letter import dead_letter_id, payload_of
from iss_agents.telemetry.records import Reading, decode_invalid, decode_reading
from iss_agents.telemetry.series import TEST
from iss_agents.telemetry.topics import DECISIONS, EVENTS, INVALID, RAW, Topic
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS

NUMBERED = frozenset(NUMBERED_ITEMS)


def _key(record: ConsumerRecord) -> str:
    return bytes(record.key).decode()


def _invalid_id(record: ConsumerRecord) -> str:
    return decode_invalid(record.value).invalid_id


ID_OF: Mapping[Topic, Callable[[ConsumerRecord], str]] = {EVENTS: _key, DECISIONS: _key, INVALID: _invalid_id}


class Order:
    """Order of each item's numbers on the raw topic. `late` ones were not merely resent."""

    def __init__(self) -> None:
        self.late: list[str] = []
        self._seen: defaultdict[str, bytearray] = defaultdict(bytearray)

    def note(self, item_id: str, number: int) -> None:
        """Add the next number of an item."""
        seen = self._seen[item_id]
        if number >= len(seen):
            seen.extend(bytes(number + 1 - len(seen)))
        elif not seen[number]:
            self.late.append(f"{item_id} {number}")
        seen[number] = 1


@dataclass
class ExpectedState:
    """What must exist. `invalid_ids` are the dead letters of the `broken` payloads."""

    last_seen: dict[str, Seen] = field(default_factory=dict)
    tank: State = field(default_factory=State)
    events: list[Event] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    invalid_ids: set[str] = field(default_factory=set)
    order: Order = field(default_factory=Order)


async def derive_expected_state(reader: TopicReader, expected: ExpectedState) -> None:
    """Add to `expected` what the raw topic holds now."""
    async for records in reader.records(RAW):
        readings = [reading for record in records if (reading := _reading(record, expected))]
        expected.last_seen.update(fold(readings, expected.last_seen).changed)
        _detect(readings, expected)
        for reading in readings:
            if reading.item_id in NUMBERED:
                expected.order.note(reading.item_id, int(reading.value))


async def ids_on(reader: TopicReader, topic: Topic) -> set[str]:
    """Return the ids of a topic's records: of events, decisions or dead letters."""
    return {ID_OF[topic](record) async for records in reader.records(topic) for record in records}


class DeletedTopics:
    """Contents of topics before they were deleted and recreated."""

    def __init__(self) -> None:
        self.topics: set[Topic] = set()
        self.expected = ExpectedState()
        self.ids: defaultdict[Topic, set[str]] = defaultdict(set)

    async def keep(self, reader: TopicReader, topic: Topic) -> None:
        """Remember the contents of a topic that every consumer has read, before it is deleted."""
        self.topics.add(topic)
        if topic is RAW:
            await derive_expected_state(reader, self.expected)
        elif topic in ID_OF:
            self.ids[topic] |= await ids_on(reader, topic)


def _reading(record: ConsumerRecord, expected: ExpectedState) -> Reading | None:
    try:
        return decode_message(decode_reading, record)
    except DecodeError:
        expected.broken.append(payload_of(record))
        expected.invalid_ids.add(dead_letter_id(record))
        return None


def _detect(readings: list[Reading], expected: ExpectedState) -> None:
    for reading in readings:
        if reading.item_id in TANK_ITEMS and reading.source != TEST:
            expected.tank, events = detect(expected.tank, reading)
            expected.events += events
