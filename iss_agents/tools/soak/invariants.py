"""Invariants: everything that was sent must have become exactly what it should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.mongo import Database, Document, maintenance_database
from iss_agents.config.settings import Settings
from iss_agents.detection.events import Urination
from iss_agents.detection.state import State
from iss_agents.kafka.reader import Span, TopicReader, open_reader
from iss_agents.telemetry import topics
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.topics import Topic
from iss_agents.tools.soak.completeness import EDGE, Source, some, wrong_numbers
from iss_agents.tools.soak.expected_state import DeletedTopics, ExpectedState, derive_expected_state, ids_on
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.verification.verify import verify

READ_BY = {
    topics.AGENTS_GROUP: (topics.RAW, topics.WATER, topics.EVENTS),
    topics.ARCHIVE_GROUP: [row.topic for row in DESTINATIONS.values()],
}
"""Consumer group -> what it reads."""


@dataclass(frozen=True)
class Given:
    """What was sent from `start` on: numbers from several sources, and payloads that cannot be decoded.

    `deleted` is what topics held that were deleted meanwhile.
    """

    start: datetime
    sources: Sequence[Source]
    broken: Sequence[bytes] = ()
    deleted: DeletedTopics = field(default_factory=DeletedTopics)


async def settle(settings: Settings, seconds: float) -> float:
    """Wait until every consumer has committed the ends of its partitions; return how many seconds that took.

    Raises:
        UserError: they have not in time.
    """
    async with open_reader(settings) as reader:

        async def settled() -> bool:
            return not await _unfinished(reader)

        return await until("all that was given is committed", settled, seconds)


async def differences(settings: Settings, given: Given) -> list[str]:
    """Return a sentence for each violated invariant of a system that has settled.

    Raises:
        UserError: Kafka or MongoDB does not answer.
    """
    # The embedded database takes a minute for the first of two million readings.
    async with maintenance_database(settings) as database, open_reader(settings) as reader:
        expected = given.deleted.expected
        await derive_expected_state(reader, expected)
        return [
            *await _unfinished(reader),
            *await wrong_numbers(database, given.sources),
            *_wrong_order(expected),
            *await _wrong_tables(reader, expected),
            *await _wrong_events(reader, database, expected, given.deleted),
            *await _wrong_invalid(reader, database, expected, given),
            *await _unverified(settings, given),
        ]


async def _unfinished(reader: TopicReader) -> list[str]:
    sentences = []
    for group, read in READ_BY.items():
        # `positions` reads the commits first: what an agent derives from a batch is on Kafka before the commit.
        for partition, position in (await reader.positions(group, read)).items():
            if position.lag or position.ahead:
                log = f"{position.end} on {partition.topic} {partition.partition}"
                sentences.append(f"{group} has committed {position.committed or 0} of {log}")
    return sentences


def _wrong_order(expected: ExpectedState) -> list[str]:
    late = expected.order.late
    return [f"raw topic: {len(late)} came behind later ones of their item, {some(late)}"] if late else []


async def older_values(settings: Settings, last: Mapping[str, int]) -> list[str]:
    """Return a sentence if the last value of an item in its changelog is not its last number."""
    async with open_reader(settings) as reader:
        held = await last_values(reader, topics.LAST_SEEN_CHANGELOG)
    older = [
        item
        for item, number in last.items()
        if item not in held or held[item]["reading"]["value"] != str(number)
    ]
    return [f"last_seen: {len(older)} older values are the last ones, {some(older)}"] if older else []


async def _wrong_tables(reader: TopicReader, expected: ExpectedState) -> list[str]:
    held = await last_values(reader, topics.LAST_SEEN_CHANGELOG)
    wanted = expected.last_seen
    wrong = sorted(item for item in held.keys() | wanted.keys() if held.get(item) != wanted.get(item))
    sentences = [f"last_seen: {len(wrong)} values differ from the raw topic, {some(wrong)}"] if wrong else []
    value = (await last_values(reader, topics.TANK_LEVELS_CHANGELOG)).get(TANK_ITEM)
    if (msgspec.convert(value["state"], State) if value else State()) != expected.tank:
        sentences.append("tank_levels: the detector's state differs from what the raw topic makes it")
    return sentences


async def last_values(reader: TopicReader, changelog: Topic) -> dict[str, Any]:
    """Return the last value of each key, which compaction leaves, also where an older one was written last."""
    values = {record.key: record.value for record in await _all(reader, changelog)}
    return {
        msgspec.json.decode(key): _without_version(msgspec.json.decode(value))
        for key, value in values.items()
        if value is not None
    }


def _without_version(value: dict[str, Any]) -> dict[str, Any]:
    # The offset is that of a batch's last record, and batches end at random.
    return {name: value[name] for name in value if name not in {"offset", "generation"}}


async def _wrong_events(
    reader: TopicReader, database: Database, expected: ExpectedState, deleted: DeletedTopics
) -> list[str]:
    events = {event.event_id for event in expected.events}
    uses = {event.event_id for event in expected.events if isinstance(event, Urination)}
    return [
        *_compare(topics.EVENTS.name, await _ids_on(reader, topics.EVENTS, deleted), events),
        *_compare(topics.DECISIONS.name, await _ids_on(reader, topics.DECISIONS, deleted), uses),
        *_compare("events", await _ids(database, "events"), events),
        *_compare("posts", await _ids(database, "posts"), uses),
    ]


async def _wrong_invalid(
    reader: TopicReader, database: Database, expected: ExpectedState, given: Given
) -> list[str]:
    on_topic = await _ids_on(reader, topics.INVALID, given.deleted)
    # Whether the feed rejected an update rightly is checked together with the numbers.
    by_feed = await _ids(database, "invalid", {"stage": "feed"})
    return [
        *_compare(topics.RAW.name, set(map(repr, expected.broken)), set(map(repr, given.broken))),
        *_compare(topics.INVALID.name, on_topic, expected.invalid_ids | by_feed),
        *_compare("invalid", await _ids(database, "invalid"), expected.invalid_ids | on_topic),
    ]


async def _unverified(settings: Settings, given: Given) -> list[str]:
    # Not all of time: finding out that a long span is empty is costly for the embedded database.
    span = Span(given.start - EDGE, datetime.now(UTC))
    report = await verify(settings, span, lambda _text: None)
    # `verify` cannot know what a deleted topic held; the checks above have compared it.
    unknown = {"unexpected", "ahead"} if given.deleted.topics else set()
    return [
        f"verify: {each.kind} {each.place} {each.name} {each.detail}"
        for each in report.differences
        if each.kind not in unknown
    ]


def _compare(place: str, found: set[str], expected: set[str]) -> list[str]:
    missing, unexpected = expected - found, found - expected
    return [
        *([f"{place}: {len(missing)} are missing, {some(sorted(missing))}"] if missing else []),
        *(
            [f"{place}: {len(unexpected)} should not be there, {some(sorted(unexpected))}"]
            if unexpected
            else []
        ),
    ]


async def _ids_on(reader: TopicReader, topic: Topic, deleted: DeletedTopics) -> set[str]:
    return deleted.ids[topic] | await ids_on(reader, topic)


async def _all(reader: TopicReader, topic: Topic) -> list[ConsumerRecord]:
    return [record async for records in reader.records(topic) for record in records]


async def _ids(database: Database, collection: str, where: Document | None = None) -> set[str]:
    return {document["_id"] async for document in database[collection].find(where or {}, {"_id": 1})}
