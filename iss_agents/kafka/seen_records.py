"""Detection of replaced logs: is the log of a partition still the one that was read?"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from iss_agents.kafka.offsets import Offsets, PartitionPositions, Records, Start


class Seen(NamedTuple):
    """What a consumer had read at one moment; `begun` is how often it has begun to read each partition."""

    samples: Records
    begun: Mapping[TopicPartition, int]


class SeenRecords:
    """One record of each partition that a consumer has read, by which it recognises the log.

    A topic that was deleted and recreated may have as many records as before by the next fetch: Kafka then
    continues in the new log as if nothing had happened. But the new log does not have the record read before.
    """

    def __init__(self) -> None:
        self._samples: dict[TopicPartition, ConsumerRecord] = {}
        self._newest: dict[TopicPartition, ConsumerRecord] = {}
        self._begun: Counter[TopicPartition] = Counter()

    def add(self, tp: TopicPartition, record: ConsumerRecord) -> None:
        """Add the last record that was read."""
        self._newest[tp] = record
        self._samples.setdefault(tp, record)

    def begin(self, starts: Mapping[TopicPartition, Start]) -> None:
        """Apply where reading begins: nothing has been read of a log that was replaced.

        Call it when Kafka has the commit of a start that is not the committed offset.
        """
        self._begun.update(starts.keys())
        for tp, start in starts.items():
            if start.log_replaced:
                self._samples.pop(tp, None)
            if start.before:
                self.add(tp, start.before)

    @property
    def records(self) -> Records:
        """One record of each partition that was read, whoever owns it now."""
        return self._samples

    def now(self) -> Seen:
        """Return what has been read by now; take it before Kafka is asked for the positions to judge it by."""
        return Seen(self._samples.copy(), self._begun.copy())

    async def replaced(
        self, before: Seen, offsets: Offsets, positions: PartitionPositions
    ) -> set[TopicPartition]:
        """Return the partitions whose log was replaced since it was read, given the positions after `before`.

        Raises:
            KafkaError, OSError: Kafka does not answer; the caller sets the timeout.
        """
        samples = {tp: record for tp, record in before.samples.items() if tp in positions}
        others = await offsets.replaced(samples, positions)
        others |= {tp for tp, position in positions.items() if position.ahead}
        # A partition that restarted during this check is left to the next one: these positions are older.
        unchanged = {tp for tp in positions if self._begun[tp] == before.begun[tp]}
        # Retention and compaction remove old records, so each check keeps the newest one for the next.
        self._samples |= {tp: self._newest[tp] for tp in samples.keys() & unchanged - others}
        return others & unchanged
