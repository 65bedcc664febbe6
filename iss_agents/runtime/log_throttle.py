"""Log throttling: keeps repeated lines from filling the log."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

BURST_LINES = 5
"""Lines of one kind that pass before further ones are only counted."""

INTERVAL_SECONDS = 60.0
"""How often the number of suppressed lines is logged."""

MAX_KINDS = 1000
"""Kinds of lines that are remembered; beyond that the least recent are forgotten."""

SUBJECT_FIELDS = ("part", "item", "event_id")
"""The subject is a part of a line's kind: lines about different parts, items and events all pass."""


@dataclass
class Occurrences:
    """How many lines of a kind passed and were suppressed since a time of the clock."""

    since: float
    passed: int = 1
    suppressed: int = 0


class LogThrottle(logging.Filter):
    """Lets the first `burst` lines of a kind pass, then one a minute with the number of those suppressed."""

    def __init__(self, clock: Callable[[], float] = monotonic, burst: int = BURST_LINES) -> None:
        super().__init__()
        self._clock = clock
        self._burst = burst
        # code line, message and subject -> occurrences, the most recent last
        self._kinds: OrderedDict[tuple[object, ...], Occurrences] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        kind = (
            record.pathname,
            record.lineno,
            record.msg,
            *(getattr(record, name, None) for name in SUBJECT_FIELDS),
        )
        seen, now = self._kinds.pop(kind, None), self._clock()
        if seen and now - seen.since < INTERVAL_SECONDS:
            self._kinds[kind] = seen
            return self._passes(seen)
        suppressed = seen.suppressed if seen else 0
        if suppressed:
            record.msg, record.args = f"{record.getMessage()} (and {suppressed} more like it)", ()
        self._kinds[kind] = Occurrences(now, passed=self._burst if suppressed else 1)
        if len(self._kinds) > MAX_KINDS:
            self._kinds.popitem(last=False)
        return True

    def _passes(self, seen: Occurrences) -> bool:
        if seen.passed < self._burst:
            seen.passed += 1
            return True
        seen.suppressed += 1
        return False
