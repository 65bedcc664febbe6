"""Detection of replaced logs: is the log of a partition still the one that was read?"""

from collections.abc import Mapping

from aiokafka import ConsumerRecord, TopicPartition

from iss_agents.kafka.offsets import Logs, Offsets, Records, Start


class SeenRecords:
    """One record of each partition that a consumer has read, by which it recognises the log.

    A topic that was deleted and recreated may have as many records as before by the next fetch: Kafka then
    continues in the new log as if nothing had happened. But the new log does not have the record read before.
    """

    def __init__(self) -> None:
        self._samples: dict[TopicPartition, ConsumerRecord] = {}
        self._newest: dict[TopicPartition, ConsumerRecord] = {}

    def add(self, tp: TopicPartition, record: ConsumerRecord) -> None:
        """Add the last record that was read."""
        self._newest[tp] = record
        self._samples.setdefault(tp, record)

    def begin(self, starts: Mapping[TopicPartition, Start]) -> None:
        """Apply where reading begins: nothing has been read of a log that was replaced."""
        for tp, start in starts.items():
            if start.log_replaced:
                self._samples.pop(tp, None)
            if start.before:
                self.add(tp, start.before)

    @property
    def records(self) -> Records:
        """One record of each partition that was read, whoever owns it now."""
        return self._samples

    async def replaced(self, offsets: Offsets, logs: Logs) -> set[TopicPartition]:
        """Return the partitions among `logs`, their present bounds, whose log was replaced since it was read.

        Raises:
            KafkaError, OSError: Kafka does not answer; the caller sets the timeout.
        """
        samples = {tp: record for tp, record in self._samples.items() if tp in logs}
        others = await offsets.replaced(samples, logs)
        unchanged = {tp for tp, record in samples.items() if self._samples.get(tp) is record}
        # Retention and compaction remove old records, so each check keeps the newest one for the next.
        self._samples |= {tp: self._newest[tp] for tp in unchanged - others}
        return others & unchanged
