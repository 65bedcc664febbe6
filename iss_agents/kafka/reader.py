"""Topic reader: reads records of a span and the positions of consumer groups, without joining a group."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from iss_agents.config.kafka import KafkaSettings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import client_config, close_consumer, with_timeout
from iss_agents.kafka.diagnosis import explain
from iss_agents.kafka.offsets import Offsets, PartitionPositions, partitions_of
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.time_expressions import END
from iss_agents.telemetry.topics import Topic

FETCH_RECORDS = 2000
FETCH_MS = 1000

LONGEST_FETCH_MS = 100
"""How long Kafka may hold an idle fetch, which delays the fetch of the next topic (500 ms by default)."""


PartitionOffsets = Mapping[TopicPartition, int]


class Span(NamedTuple):
    """A span of record times on Kafka, which for readings are ingest times; `end` is excluded."""

    start: datetime
    end: datetime = END

    def holds(self, record: ConsumerRecord) -> bool:
        """Return whether the record's time lies in the span."""
        return bool(milliseconds(self.start) <= record.timestamp < milliseconds(self.end))


class Committed(dict[TopicPartition, int]):
    """Committed offsets of a consumer group, by partition."""

    def holds(self, record: ConsumerRecord) -> bool:
        """Return whether the group has committed the record."""
        return bool(record.offset < self.get(TopicPartition(record.topic, record.partition), 0))


class TopicReader:
    """Reads without a group, so that no group's offsets move."""

    def __init__(self, consumer: AIOKafkaConsumer, offsets: Offsets) -> None:
        self._consumer = consumer
        self._offsets = offsets

    async def has_topic(self, topic: Topic) -> bool:
        """Return whether the topic exists; aiokafka would ask for a missing one forever."""
        return topic.name in await self._consumer.topics()

    async def positions(self, group: str, topics: Iterable[Topic]) -> PartitionPositions:
        """Return the positions of a consumer group in all partitions of these topics."""
        return await with_timeout(self._offsets.positions(group, partitions_of(topics)))

    async def committed(self, group: str, topics: Iterable[Topic]) -> Committed:
        """Return the committed offsets of a consumer group in these topics, as far as they fit the logs.

        A commit beyond the end of a log belongs to an earlier log: the group starts over at the beginning.
        """
        positions = await self.positions(group, topics)
        return Committed({partition: position.next_offset for partition, position in positions.items()})

    async def end_offsets(self, topic: Topic) -> PartitionOffsets:
        """Return the end offset of each partition."""
        return await self.end_offsets_of(partitions_of([topic]))

    async def end_offsets_of(self, partitions: Iterable[TopicPartition]) -> PartitionOffsets:
        """Return the end offsets of these partitions."""
        return dict(await with_timeout(self._consumer.end_offsets(partitions)))

    async def records(self, topic: Topic, span: Span | None = None) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield the records that the topic has now, all or those of a span, in the order of each partition."""
        partitions = partitions_of([topic])
        ends = await self.end_offsets_of(partitions)
        async for records in self.between(await self._starts(partitions, span), ends):
            yield [record for record in records if span is None or span.holds(record)]

    async def between(
        self, starts: PartitionOffsets, ends: PartitionOffsets
    ) -> AsyncIterator[list[ConsumerRecord]]:
        """Yield the records from `starts` to before `ends`, in the order of each partition."""
        rest = {each: end for each, end in ends.items() if starts.get(each, end) < end}
        if not rest:
            return  # aiokafka hangs if it is stopped while it applies an assignment
        self._consumer.assign(list(rest))
        for each in rest:
            self._consumer.seek(each, starts[each])
        while rest:
            batch = await with_timeout(self._some(list(rest)))
            yield [
                record
                for partition, records in batch.items()
                for record in records
                if record.offset < ends[partition]
            ]
            rest = {each: end for each, end in rest.items() if await self._consumer.position(each) < end}

    async def _some(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[ConsumerRecord]]:
        # While Kafka is unreachable, `getmany` returns nothing and raises nothing.
        while True:
            batch = await self._consumer.getmany(*partitions, timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
            if batch:
                return dict(batch)

    async def first_offsets(self, topic: Topic, time: datetime) -> PartitionOffsets:
        """Return the offset of the first record of each partition that is not older than `time`.

        Older records may follow it. A partition without such a record is left out.
        """
        return await self._starts(partitions_of([topic]), Span(time))

    async def _starts(self, partitions: Iterable[TopicPartition], span: Span | None) -> PartitionOffsets:
        if span is None:
            return dict(await self._consumer.beginning_offsets(partitions))
        found = await self._consumer.offsets_for_times(
            dict.fromkeys(partitions, max(milliseconds(span.start), 0))
        )
        return {partition: place.offset for partition, place in found.items() if place is not None}


@asynccontextmanager
async def open_reader(settings: KafkaSettings) -> AsyncIterator[TopicReader]:
    """Connect to Kafka for the length of the block.

    Raises:
        UserError: Kafka does not answer, or a topic is missing.
    """
    consumer = AIOKafkaConsumer(
        **client_config(settings), enable_auto_commit=False, fetch_max_wait_ms=LONGEST_FETCH_MS
    )
    offsets = Offsets(settings)
    try:
        await consumer.start()
        yield TopicReader(consumer, offsets)
    except KafkaError as error:
        raise UserError(await explain(settings, error)) from error
    finally:
        await offsets.close()
        await close_consumer(consumer)
