"""Table check: each value of a Table must be what its readings in Kafka, in order, produce."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord

from iss_agents.agents.last_value import Seen, fold
from iss_agents.kafka.reader import Committed, Span, TopicReader
from iss_agents.state_view.replica import Replica
from iss_agents.telemetry import topics
from iss_agents.telemetry.codec import DecodeError, decode_message
from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.telemetry.series import SOURCES, detector_of, series_of
from iss_agents.telemetry.station_clock import from_milliseconds, rfc3339
from iss_agents.telemetry.topics import Topic
from iss_agents.tools.verification.report import Difference, Report

LAST_SEEN, TANK_LEVELS = "last_seen", "tank_levels"

Sequences = Mapping[str, int]
"""series -> sequence of its newest reading"""


class Expected(NamedTuple):
    """The newest readings of a topic: of those that the agents have committed, and of all."""

    due: dict[str, Seen]
    all: dict[str, Seen]


async def compare_tables(reader: TopicReader, group: str, span: Span, report: Report) -> None:
    """Add to `report` where a Table of the agents' `group` differs from the readings of the span.

    Raises:
        KafkaError: Kafka does not answer.
    """
    # Read in this order, no correct value is older than `due` or newer than `all`.
    committed = await reader.committed(group, [topics.RAW, topics.WATER])
    tables = await _tables(reader)
    for name, topic, held in (
        (LAST_SEEN, topics.RAW, _newest(tables.table(LAST_SEEN))),
        (TANK_LEVELS, topics.WATER, _positions(tables.table(TANK_LEVELS))),
    ):
        expected = await _expected(reader, topic, span, committed)
        report.underway[name] += sum(seen != expected.due.get(item) for item, seen in expected.all.items())
        _compare(name, expected, held, report)


async def _tables(reader: TopicReader) -> Replica:
    replica = Replica()
    for topic in (topics.LAST_SEEN_CHANGELOG, topics.TANK_LEVELS_CHANGELOG):
        async for records in reader.records(topic):
            replica.apply(records)
    return replica


async def _expected(reader: TopicReader, topic: Topic, span: Span, committed: Committed) -> Expected:
    expected = Expected({}, {})
    async for records in reader.records(topic, span):
        due = [record for record in records if committed.holds(record)]
        for part, newest in ((due, expected.due), (records, expected.all)):
            newest.update(fold(filter(None, map(_reading, part)), newest).changed)
    return expected


def _reading(record: ConsumerRecord) -> Reading | None:
    try:
        return decode_message(decode_reading, record)
    except DecodeError:
        return None  # the agents have put it into the invalid topic


def _newest(table: dict[str, Any]) -> Sequences:
    return {item: value["sequence"] for item, value in table.items()}


def _positions(table: dict[str, Any]) -> Sequences:
    states = ((source, table.get(detector_of(source), {}).get("state", {})) for source in SOURCES)
    return {
        series_of(item, source): position["sequence"]
        for source, state in states
        for item, position in state.get("positions", {}).items()
    }


def _compare(place: str, expected: Expected, held: Sequences, report: Report) -> None:
    report.checked[place] += len(expected.due)
    for item, seen in expected.due.items():
        if held.get(item, 0) < seen["sequence"]:
            detail = f"{_time(held.get(item))}; Kafka has {_time(seen['sequence'])}"
            report.differences.add(Difference("behind", place, item, detail))
    for item, seen in expected.all.items():
        if held.get(item, 0) > seen["sequence"]:
            detail = f"{_time(held[item])}; Kafka has {_time(seen['sequence'])}"
            report.differences.add(Difference("ahead", place, item, detail))


def _time(sequence: int | None) -> str:
    return "nothing" if sequence is None else rfc3339(from_milliseconds(sequence))
