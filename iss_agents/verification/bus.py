"""A look at Kafka from outside: what a topic holds of a span, and how far a consumer group is."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from iss_agents.errors import UserError
from iss_agents.instants import END
from iss_agents.kafka_access import kafka_access
from iss_agents.kafka_trouble import trouble
from iss_agents.producers import in_time
from iss_agents.settings import Settings
from iss_agents.station_clock import milliseconds
from iss_agents.topics import Topic

FETCH_RECORDS = 2000
FETCH_MS = 1000

LONGEST_FETCH_MS = 100
"""How long Kafka may hold an idle fetch; the next topic's waits for the one before (500 ms by default)."""


class Span(NamedTuple):
    """Records by their time on Kafka, which for readings is when they came in; `end` does not belong to it."""

    start: datetime
    end: datetime = END

    def holds(self, record: ConsumerRecord) -> bool:
        """Return whether the record's time lies in the span."""
        return bool(milliseconds(self.start) <= record.timestamp < milliseconds(self.end))


class Committed(dict[TopicPartition, int]):
    """How far a consumer group is, by partition; nothing for a partition that it has not begun."""

    def holds(self, record: ConsumerRecord) -> bool:
        """Return whether the group has committed the record."""
        return bool(record.offset < self.get(TopicPartition(record.topic, record.partition), 0))


class Bus:
    """Reads without a group, so that nobody's offsets move."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    async def committed(self, group: str) -> Committed:
        """Return how far a consumer group is."""
        try:
            offsets = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            return Committed()  # so says a Kafka that has never had a group
        return Committed({each: found.offset for each, found in offsets.items() if found.offset >= 0})

    async def ends(self, topic: Topic) -> dict[TopicPartition, int]:
        """Return the offset behind the last record of each partition."""
        return dict(await self._consumer.end_offsets(_partitions(topic)))

    async def records(self, topic: Topic, span: Span | None = None) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield what the topic holds now, of the span or whole, in the order of each partition."""
        partitions = _partitions(topic)
        ends = await self.ends(topic)
        starts = await self._starts(partitions, span)
        rest = {each: ends[each] for each in partitions if starts.get(each, ends[each]) < ends[each]}
        self._consumer.assign(list(rest))
        for each in rest:
            self._consumer.seek(each, starts[each])
        while rest:
            batch = await in_time(self._some(list(rest)))
            yield [
                record
                for partition, records in batch.items()
                for record in records
                if record.offset < ends[partition] and (span is None or span.holds(record))
            ]
            rest = {each: end for each, end in rest.items() if await self._consumer.position(each) < end}

    async def _some(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[ConsumerRecord]]:
        # An absent Kafka gives nothing and no error, for as long as it is away.
        while True:
            batch = await self._consumer.getmany(*partitions, timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
            if batch:
                return dict(batch)

    async def _starts(
        self, partitions: Iterable[TopicPartition], span: Span | None
    ) -> dict[TopicPartition, int]:
        # The times of a partition need not grow, but no record of the span lies before the first of its time.
        if span is None:
            return dict(await self._consumer.beginning_offsets(partitions))
        found = await self._consumer.offsets_for_times(
            dict.fromkeys(partitions, max(milliseconds(span.start), 0))
        )
        return {partition: place.offset for partition, place in found.items() if place is not None}


def _partitions(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]


@asynccontextmanager
async def look_at(settings: Settings) -> AsyncIterator[Bus]:
    """Connect to Kafka for the length of the block.

    Raises:
        UserError: Kafka does not answer, or a topic is missing.
    """
    consumer = AIOKafkaConsumer(
        **kafka_access(settings), enable_auto_commit=False, fetch_max_wait_ms=LONGEST_FETCH_MS
    )
    admin = AIOKafkaAdminClient(**kafka_access(settings))
    try:
        await consumer.start()
        await admin.start()
        yield Bus(consumer, admin)
    except KafkaError as error:
        raise UserError(await trouble(settings, error)) from error
    finally:
        await admin.close()
        await consumer.stop()
