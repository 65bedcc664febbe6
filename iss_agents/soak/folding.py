"""What the raw topic, in order, makes of nothing: the values of the Tables, the events, and what is invalid."""

from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from iss_agents.agents.newer import Seen, fold
from iss_agents.catalog import TANK_ITEMS
from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event
from iss_agents.detection.state import State
from iss_agents.messages import CannotDecode, decode_message, invalid_id, payload
from iss_agents.records import Reading, decode_reading
from iss_agents.topics import RAW
from iss_agents.verification.bus import Bus


@dataclass
class Folded:
    """What must be there. `invalid_ids` are those of the records of the `broken` payloads."""

    last_seen: dict[str, Seen] = field(default_factory=dict)
    tank: State = field(default_factory=State)
    events: list[Event] = field(default_factory=list)
    broken: list[bytes] = field(default_factory=list)
    invalid_ids: set[str] = field(default_factory=set)


async def fold_raw_topic(bus: Bus) -> Folded:
    """Return what the raw topic makes of nothing."""
    folded = Folded()
    async for records in bus.records(RAW):
        readings = [reading for record in records if (reading := _reading(record, folded))]
        folded.last_seen.update(fold(readings, folded.last_seen).changed)
        _detect(readings, folded)
    return folded


def _reading(record: ConsumerRecord, folded: Folded) -> Reading | None:
    try:
        return decode_message(decode_reading, record)
    except CannotDecode:
        folded.broken.append(payload(record))
        folded.invalid_ids.add(invalid_id(record))
        return None


def _detect(readings: list[Reading], folded: Folded) -> None:
    for reading in readings:
        if reading.item_id in TANK_ITEMS:
            folded.tank, events = detect(folded.tank, reading)
            folded.events += events
