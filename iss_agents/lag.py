"""How far behind a consumer group is, and when it last got on, as Prometheus reads it."""

from collections.abc import Callable, Iterable, Mapping
from time import time
from typing import NamedTuple, Protocol

from iss_agents.metrics import COMMITTED, CONSUMER_LAG


class Partition(Protocol):
    """A partition, whoever names it: Faust or aiokafka."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


class Standing(NamedTuple):
    """Records behind the end of a partition, and its committed offset (0 while none is known)."""

    lag: int
    committed: int


class LagReport:
    """The lag and the last commit of the partitions that a group has in this worker."""

    def __init__(self, group: str, clock: Callable[[], float] = time) -> None:
        self._group = group
        self._clock = clock
        self._committed: dict[Partition, int] = {}

    def report(self, standings: Mapping[Partition, Standing]) -> None:
        """Set what is true of these partitions, and forget all others."""
        self.forget(self._committed.keys() - standings.keys())
        for partition, (lag, committed) in standings.items():
            CONSUMER_LAG.labels(*self._labels(partition)).set(lag)
            if committed != self._committed.get(partition):
                COMMITTED.labels(*self._labels(partition)).set(self._clock())
                self._committed[partition] = committed

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Report these no longer."""
        for partition in self._committed.keys() & set(partitions):
            CONSUMER_LAG.remove(*self._labels(partition))
            COMMITTED.remove(*self._labels(partition))
            del self._committed[partition]

    def _labels(self, partition: Partition) -> tuple[str, str, str]:
        return self._group, partition.topic, str(partition.partition)
