"""Percentiles of a Prometheus histogram."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from iss_agents.local_stack.worker_metrics import Samples

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Histogram:
    """`buckets`: (upper edge, how many are not above it), the edges rising, the last one infinite."""

    buckets: Sequence[tuple[float, float]]

    @classmethod
    def of(cls, snapshot: Iterable[Samples], name: str) -> Self:
        """Return the histogram of this name, of all `snapshot` together."""
        counts: defaultdict[float, float] = defaultdict(float)
        for samples in snapshot:
            for each in samples.matching(f"{name}_bucket"):
                counts[float(each.labels["le"])] += each.value
        return cls(sorted(counts.items()))

    def since(self, before: Self) -> "Histogram":
        """Return what has come since an earlier look."""
        earlier = dict(before.buckets)
        return Histogram([(edge, count - earlier.get(edge, 0.0)) for edge, count in self.buckets])

    def percentiles(self) -> dict[int, float]:
        """Return PERCENTILES; nothing if nothing was observed."""
        if not self.buckets or not self.buckets[-1][1]:
            return {}
        return {percent: self.percentile(percent) for percent in PERCENTILES}

    def percentile(self, percent: float) -> float:
        """Return the value that `percent` of the observations do not exceed.

        Within a bucket they are taken to lie evenly, as Prometheus does (histogram_quantile); beyond the last
        finite edge it is that edge.
        """
        wanted = self.buckets[-1][1] * percent / 100
        lower, below = 0.0, 0.0
        for edge, count in self.buckets:
            if count >= wanted and edge != float("inf"):
                return lower + (edge - lower) * (wanted - below) / (count - below)
            if edge != float("inf"):
                lower, below = edge, count
        return lower
