"""Offset resets: reports, in the log and in the health, every partition not read from its committed offset."""

import logging
from collections.abc import Callable, Mapping
from time import monotonic

from aiokafka import TopicPartition

from iss_agents.kafka.offsets import Start
from iss_agents.runtime.health import Health

logger = logging.getLogger(__name__)

REPORT_SECONDS = 600.0
"""How long the health reports a reset: somebody may have to find out why, but nothing needs to be done."""


class OffsetResets:
    """The offset resets of one group member, reported as the health part `part` once there is one."""

    def __init__(self, health: Health, part: str, clock: Callable[[], float] = monotonic) -> None:
        self._health = health
        self._part = part
        self._clock = clock
        self._until: float | None = None

    def report(self, starts: Mapping[TopicPartition, Start]) -> None:
        """Report which of these partitions are not read from their committed offset, and why."""
        resets = {tp: start for tp, start in sorted(starts.items()) if start.reason}
        if not resets:
            return
        logger.error("%s: %s", self._part, _words(resets))
        if others := {tp: start for tp, start in resets.items() if start.log_replaced}:
            self._health.down(self._part, _words(others))
            self._until = self._clock() + REPORT_SECONDS

    def expire(self) -> None:
        """Report the part as up again after REPORT_SECONDS; call it regularly."""
        if self._until is not None and self._clock() > self._until:
            self._until = None
            self._health.up(self._part, "every log is read from its committed offset")


def _words(resets: Mapping[TopicPartition, Start]) -> str:
    return "; ".join(
        f"{tp.topic} {tp.partition} is read from offset {start.offset}: {start.reason}"
        for tp, start in resets.items()
    )
