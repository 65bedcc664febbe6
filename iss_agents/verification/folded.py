"""The bus against the Tables: each value must be what its readings, in order, make of nothing."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord

from iss_agents import topics
from iss_agents.agents.newer import Seen, fold
from iss_agents.catalog import TANK_ITEM
from iss_agents.messages import CannotDecode, decode_message
from iss_agents.records import Reading, decode_reading
from iss_agents.station_clock import from_milliseconds, rfc3339
from iss_agents.topics import Topic
from iss_agents.verification.bus import Bus, Committed, Span
from iss_agents.verification.differences import Difference, Report
from web.replica import Replica

LAST_SEEN, TANK_LEVELS = "last_seen", "tank_levels"

Sequences = Mapping[str, int]
"""item id -> sequence of its newest reading"""


class Folded(NamedTuple):
    """The newest readings of a topic: of those that the agents have committed, and of all."""

    due: dict[str, Seen]
    all: dict[str, Seen]


async def compare_tables(bus: Bus, group: str, span: Span, report: Report) -> None:
    """Add to `report` where a Table of `group`, the agents', is not what the readings of the span make it.

    Raises:
        KafkaError: Kafka does not answer.
    """
    # In this order no value can rightly be older than `due` or newer than `all`.
    committed = await bus.committed(group)
    tables = await _tables(bus)
    for name, topic, held in (
        (LAST_SEEN, topics.RAW, _newest(tables.table(LAST_SEEN))),
        (TANK_LEVELS, topics.WATER, _positions(tables.table(TANK_LEVELS))),
    ):
        folded = await _fold(bus, topic, span, committed)
        report.underway[name] += sum(seen != folded.due.get(item) for item, seen in folded.all.items())
        _compare(name, folded, held, report)


async def _tables(bus: Bus) -> Replica:
    replica = Replica()
    for topic in (topics.LAST_SEEN_CHANGELOG, topics.TANK_LEVELS_CHANGELOG):
        async for records in bus.records(topic):
            replica.apply(records)
    return replica


async def _fold(bus: Bus, topic: Topic, span: Span, committed: Committed) -> Folded:
    folded = Folded({}, {})
    async for records in bus.records(topic, span):
        due = [record for record in records if committed.holds(record)]
        for part, newest in ((due, folded.due), (records, folded.all)):
            newest.update(fold(filter(None, map(_reading, part)), newest).changed)
    return folded


def _reading(record: ConsumerRecord) -> Reading | None:
    try:
        return decode_message(decode_reading, record)
    except CannotDecode:
        return None  # the agents have put it into the invalid topic


def _newest(table: dict[str, Any]) -> Sequences:
    return {item: value["sequence"] for item, value in table.items()}


def _positions(table: dict[str, Any]) -> Sequences:
    positions = table.get(TANK_ITEM, {}).get("state", {}).get("positions", {})
    return {item: position["sequence"] for item, position in positions.items()}


def _compare(place: str, folded: Folded, held: Sequences, report: Report) -> None:
    report.checked[place] += len(folded.due)
    for item, seen in folded.due.items():
        if held.get(item, -1) < seen["sequence"]:
            detail = f"{_time(held.get(item))}; the bus has {_time(seen['sequence'])}"
            report.differences.add(Difference("behind", place, item, detail))
    for item, seen in folded.all.items():
        if held.get(item, -1) > seen["sequence"]:
            detail = f"{_time(held[item])}; the bus has {_time(seen['sequence'])}"
            report.differences.add(Difference("ahead", place, item, detail))


def _time(sequence: int | None) -> str:
    return "nothing" if sequence is None else rfc3339(from_milliseconds(sequence))
