"""What a soak amounted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Met(NamedTuple):
    """One fault, in seconds: when it began, how long its cause lasted, and the recovery after that.

    `shown` and `stored` are how long it took until a worker showed, and MongoDB had, all that was given
    until the cause was gone.
    """

    fault: str
    at: float
    seconds: float
    shown: float
    stored: float


class Use(NamedTuple):
    """What a worker used, in the first and the last tenth of its samples (medians), and at most."""

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
    faults: Sequence[Met]
    restarts: int
    settled: float
    uses: Mapping[str, Mapping[str, Use]]
    differences: Sequence[str]
