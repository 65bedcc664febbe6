"""Consumer lag of a group, and the time of its last commit, as Prometheus metrics."""

from collections.abc import Callable
from time import time

from aiokafka import TopicPartition

from iss_agents.kafka.offsets import PartitionPositions
from iss_agents.runtime.metrics import COMMITTED, CONSUMER_LAG


class LagReport:
    """Lag and last commit of the partitions that a group has in this worker."""

    def __init__(self, group: str, clock: Callable[[], float] = time) -> None:
        self._group = group
        self._clock = clock
        self._committed: dict[TopicPartition, int | None] = {}

    def report(self, positions: PartitionPositions) -> None:
        """Set the metrics of these partitions, and remove those of all others."""
        for partition in self._committed.keys() - positions.keys():
            CONSUMER_LAG.remove(*self._labels(partition))
            COMMITTED.remove(*self._labels(partition))
            del self._committed[partition]
        for partition, position in positions.items():
            CONSUMER_LAG.labels(*self._labels(partition)).set(position.lag)
            if partition not in self._committed or position.committed != self._committed[partition]:
                COMMITTED.labels(*self._labels(partition)).set(self._clock())
                self._committed[partition] = position.committed

    def _labels(self, partition: TopicPartition) -> tuple[str, str, str]:
        return self._group, partition.topic, str(partition.partition)
