"""Keeps what is said again and again from filling the log."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

FIRST = 5
"""Lines of one kind that are let through, before the rest of them is only counted."""

SECONDS = 60.0
"""How often it is said how many there were."""

MOST_KINDS = 1000
"""Kinds of lines that are remembered; of more, those are forgotten that were silent the longest."""

ABOUT = ("part", "item", "event_id")
"""What a line is about makes it one of its kind: each part, item and event is told of."""


@dataclass
class Told:
    """How often a kind of line was told of and held back since a moment on the clock."""

    since: float
    passed: int = 1
    held: int = 0


class Repeats(logging.Filter):
    """Let the first lines of a kind through, then one a minute that says how many there were."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        # place, message and subject -> what was told, the newest at the end
        self._kinds: OrderedDict[tuple[object, ...], Told] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is a line in the log."""
        kind = (record.pathname, record.lineno, record.msg, *(getattr(record, name, None) for name in ABOUT))
        told, now = self._kinds.pop(kind, None), self._clock()
        if told and now - told.since < SECONDS:
            self._kinds[kind] = told
            return _passes(told)
        held = told.held if told else 0
        if held:
            record.msg, record.args = f"{record.getMessage()} (and {held} more like it)", ()
        self._kinds[kind] = Told(now, passed=FIRST if held else 1)
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return True


def _passes(told: Told) -> bool:
    if told.passed < FIRST:
        told.passed += 1
        return True
    told.held += 1
    return False
