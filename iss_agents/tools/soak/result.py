"""Result of a soak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class FaultResult(NamedTuple):
    """One fault, in seconds: when it began, how long its cause lasted, and the recovery after that.

    `detail` is what was chosen of it at random. `shown` and `stored` are how long it took until a worker
    showed, and MongoDB had, all that was given until the cause was gone; `heard` until MongoDB had news of
    every item of the station.
    """

    fault: str
    detail: str
    at: float
    seconds: float
    shown: float
    stored: float
    heard: float


class Use(NamedTuple):
    """Resource use of a worker: medians of the first and last tenth of its samples, and the maximum."""

    first: float
    last: float
    most: float


@dataclass(frozen=True)
class Result:
    """`readings` were given by the feed; `restarts` are of workers that had ended by themselves.

    `uses`: worker -> memory in MB, files, tasks -> Use. `settled` is how many seconds it took after the end
    of the feed until everything was committed. `differences` are sentences; none means that nothing is lost,
    double or in disorder.
    """

    seed: int
    seconds: float
    readings: int
    broken: int
    faults: Sequence[FaultResult]
    restarts: int
    settled: float
    uses: Mapping[str, Mapping[str, Use]]
    differences: Sequence[str]
