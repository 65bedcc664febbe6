"""Whether everything that was given has become what it should, exactly."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple, Self

import msgspec
from aiokafka import ConsumerRecord

from iss_agents import topics
from iss_agents.archive.database import Database, Document, connect
from iss_agents.archive.destinations import DESTINATIONS
from iss_agents.archive.intake import GROUP as ARCHIVE
from iss_agents.catalog import TANK_ITEM
from iss_agents.detection.events import Urination
from iss_agents.detection.state import State
from iss_agents.settings import Settings
from iss_agents.shard import Shard
from iss_agents.soak.folding import Folded, fold_raw_topic
from iss_agents.soak.numbers import NUMBERED_ITEMS, Numbers
from iss_agents.soak.patience import until
from iss_agents.topics import Topic
from iss_agents.verification.bus import Bus, Span, look_at
from iss_agents.verification.verify import AGENTS, verify
from web.replica import CHANGELOGS, Replica

READ_BY = {
    AGENTS: (topics.RAW, topics.WATER, topics.EVENTS),
    ARCHIVE: [row.topic for row in DESTINATIONS.values()],
}
"""Consumer group -> what it reads."""

EDGE = timedelta(seconds=2)
"""A gap is recorded from reading to reading, so a missing one may lie so far outside."""

SHOWN = 3
"""Examples in one sentence."""


class Given(NamedTuple):
    """What went in: the numbers, how far each item's count came, and what nobody can decode."""

    numbers: Numbers
    last: Mapping[str, int]
    broken: Sequence[bytes] = ()


async def settle(settings: Settings, seconds: float) -> float:
    """Return when every consumer has committed the ends of its partitions; how many seconds that took.

    Raises:
        UserError: they have not in time.
    """
    async with look_at(settings) as bus:

        async def settled() -> bool:
            return not await _unfinished(bus)

        return await until("all that was given is committed", settled, seconds)


async def differences(settings: Settings, given: Given) -> list[str]:
    """Return a sentence for each thing that is not as it should be, of a system that has settled.

    Raises:
        UserError: Kafka or MongoDB does not answer.
    """
    database = connect(settings)
    try:
        async with look_at(settings) as bus:
            folded = await fold_raw_topic(bus)
            return [
                *await _unfinished(bus),
                *await _wrong_numbers(database, given),
                *await _wrong_tables(bus, folded),
                *await _wrong_events(bus, database, folded),
                *await _wrong_invalid(bus, database, folded, given),
                *await _unverified(settings, given),
            ]
    finally:
        database.client.close()


async def _unfinished(bus: Bus) -> list[str]:
    sentences = []
    for group, read in READ_BY.items():
        # In this order: what an agent derives from a list is on Kafka before the list is committed.
        committed = await bus.committed(group)
        for topic in read:
            for partition, end in (await bus.ends(topic)).items():
                if committed.get(partition, 0) != end:
                    at = committed.get(partition, 0)
                    sentences.append(
                        f"{group} has committed {at} of {end} on {topic.name} {partition.partition}"
                    )
    return sentences


async def _wrong_numbers(database: Database, given: Given) -> list[str]:
    seen = {item: bytearray(last + 1) for item, last in given.last.items()}
    sentences = []
    async for document in _numbered(database):
        item, number = document["item_id"], document["value"]
        counts, at = seen.get(item, bytearray()), int(number)
        if not 0 < at < len(counts) or counts[at] or document["source_ts"] != given.numbers.time_of(item, at):
            sentences.append(f"{item}: {number} of {document['source_ts']} should not be there")
        else:
            counts[at] = 1
    return [*sentences[:SHOWN], *await _missing(database, given, seen)]


async def _numbered(database: Database) -> AsyncIterator[Document]:
    # Item by item: the embedded database collects an answer whole before it sends any of it.
    for item in NUMBERED_ITEMS:
        stored = database["readings"].find({"item_id": item}, {"item_id": 1, "value": 1, "source_ts": 1})
        async for document in stored:
            yield document


async def _missing(database: Database, given: Given, seen: Mapping[str, bytearray]) -> list[str]:
    gaps = await database["gaps"].find({"end": {"$ne": None}}).to_list(None)
    spans = [_Span.of(gap) for gap in gaps]
    missing = [
        f"{item} {number}"
        for item, counts in seen.items()
        for number in range(1, len(counts))
        if not counts[number] and not _within(spans, item, given.numbers.time_of(item, number))
    ]
    return [f"readings: {len(missing)} are missing and in no recorded gap, {_some(missing)}"] if missing else []


class _Span(NamedTuple):
    """A recorded gap, and the shard of the feed whose items it concerns."""

    start: datetime
    end: datetime
    shard: Shard

    @classmethod
    def of(cls, gap: Document) -> Self:
        return cls(gap["start"] - EDGE, gap["end"] + EDGE, Shard.of(gap.get("shard")))


def _within(spans: Iterable[_Span], item: str, time: datetime) -> bool:
    return any(span.start <= time <= span.end and span.shard.holds(item) for span in spans)


async def _wrong_tables(bus: Bus, folded: Folded) -> list[str]:
    tables = Replica()
    for topic in CHANGELOGS.values():
        async for records in bus.records(topic):
            tables.apply(records)
    held = tables.table("last_seen")
    wrong = [
        item for item in held.keys() | folded.last_seen.keys() if held.get(item) != folded.last_seen.get(item)
    ]
    sentences = (
        [f"last_seen: {len(wrong)} values differ from the raw topic, {_some(sorted(wrong))}"] if wrong else []
    )
    value = tables.table("tank_levels").get(TANK_ITEM)
    if (msgspec.convert(value["state"], State) if value else State()) != folded.tank:
        sentences.append("tank_levels: the detector's state differs from what the raw topic makes it")
    return sentences


async def _wrong_events(bus: Bus, database: Database, folded: Folded) -> list[str]:
    events = {event.event_id for event in folded.events}
    uses = {event.event_id for event in folded.events if isinstance(event, Urination)}
    return [
        *_compare(topics.EVENTS.name, await _keys(bus, topics.EVENTS), events),
        *_compare(topics.DECISIONS.name, await _keys(bus, topics.DECISIONS), uses),
        *_compare("events", await _ids(database, "events"), events),
        *_compare("posts", await _ids(database, "posts"), uses),
    ]


async def _wrong_invalid(bus: Bus, database: Database, folded: Folded, given: Given) -> list[str]:
    on_topic = {msgspec.json.decode(record.value)["invalid_id"] for record in await _all(bus, topics.INVALID)}
    return [
        *_compare(topics.RAW.name, set(map(repr, folded.broken)), set(map(repr, given.broken))),
        *_compare(topics.INVALID.name, on_topic, folded.invalid_ids),
        *_compare("invalid", await _ids(database, "invalid"), folded.invalid_ids),
    ]


async def _unverified(settings: Settings, given: Given) -> list[str]:
    # Not all of time: to find out that a long span is empty costs the embedded database much.
    span = Span(given.numbers.start - EDGE, datetime.now(UTC))
    report = await verify(settings, span, lambda _text: None)
    return [f"verify: {each.kind} {each.place} {each.name} {each.detail}" for each in report.differences]


def _compare(place: str, found: set[str], expected: set[str]) -> list[str]:
    missing, unexpected = expected - found, found - expected
    return [
        *([f"{place}: {len(missing)} are missing, {_some(sorted(missing))}"] if missing else []),
        *(
            [f"{place}: {len(unexpected)} should not be there, {_some(sorted(unexpected))}"]
            if unexpected
            else []
        ),
    ]


async def _keys(bus: Bus, topic: Topic) -> set[str]:
    return {record.key.decode() for record in await _all(bus, topic)}


async def _all(bus: Bus, topic: Topic) -> list[ConsumerRecord]:
    return [record async for records in bus.records(topic) for record in records]


async def _ids(database: Database, collection: str) -> set[str]:
    return {document["_id"] async for document in database[collection].find({}, {"_id": 1})}


def _some(names: Iterable[object]) -> str:
    return ", ".join(map(str, islice(names, SHOWN)))
