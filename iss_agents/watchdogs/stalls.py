"""Stall watchdog: ends a worker that has records to process but makes no progress, although nothing is down.

Waiting is not a stall. While Kafka does not answer nothing counts, and each failed attempt, for example of a
write to MongoDB, changes the text with which a part reports its progress: only an unchanged text is a stall.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from iss_agents.runtime.fail_fast import fail_fast
from iss_agents.runtime.health import Health

PART = "watchdog"


class StallThresholds(NamedTuple):
    """After how many seconds the health reports a stall, and after how many the process ends."""

    report_after: float
    exit_after: float


THRESHOLDS = StallThresholds(report_after=30.0, exit_after=300.0)
"""A batch takes milliseconds, a slow write a few seconds. The longest step without any sign of progress is one
attempt of the archive: each of its writes to five collections may take 26 s (two timeouts of 10 s, two server
selections of 3 s)."""

ANNOUNCE_THRESHOLDS = StallThresholds(report_after=960.0, exit_after=1_200.0)
"""`announce` may wait for X until its event is ten minutes old, and the station's clock may be five minutes
ahead of ours."""

Stalls = Mapping[str, StallThresholds]
"""Text that changes with any progress and any failed attempt of a part -> how long it may stay the same."""


class Watchdog:
    """Reports stalls in the health, and ends the process if they last."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._since: dict[str, float] = {}

    def check(self, now: float, stalls: Stalls) -> None:
        """Check the progress of the parts at `now`, in seconds of the monotonic clock."""
        self._since = {words: self._since.get(words, now) for words in stalls}
        lasting = {words: now - since for words, since in self._since.items()}
        for words, seconds in lasting.items():
            if seconds > stalls[words].exit_after:
                fail_fast("no progress for %.0f s: %s", seconds, words)
        self._report([words for words, seconds in lasting.items() if seconds > stalls[words].report_after])

    def _report(self, lasting: Sequence[str]) -> None:
        if lasting:
            self._health.down(PART, f"no progress: {'; '.join(sorted(lasting))}")
        else:
            self._health.up(PART, "every part makes progress, or waits for a service that is down")
