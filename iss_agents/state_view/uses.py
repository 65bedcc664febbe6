"""The newest uses of the toilet, each with what was said of it, from the topics of events and decisions."""

from datetime import datetime
from itertools import islice

from iss_agents.announcers.decision import Decision, decode_decision
from iss_agents.detection.events import Urination, decode_event
from iss_agents.telemetry.records import Source

MOST_USES = 50
"""Uses that are kept of each source: days of them."""

MOST_DECISIONS = 1000
"""Decisions that are kept. One comes within minutes of its use, so those of the newest uses are among them."""

SHOWN_USES = 20


class UsesLog:
    """The newest uses and decisions. The first record of an id counts: a replay tells the same again."""

    def __init__(self) -> None:
        self._uses: dict[Source, dict[str, Urination]] = {}
        self._decisions: dict[str, Decision] = {}

    def take_event(self, value: bytes, _timestamp: int) -> None:
        """Take in a record of the events' topic. Raises msgspec.DecodeError."""
        event = decode_event(value)
        if not isinstance(event, Urination):
            return
        uses = self._uses.setdefault(event.source, {})
        if event.event_id in uses:
            return
        uses[event.event_id] = event
        if len(uses) > MOST_USES:
            del uses[min(uses.values(), key=_start).event_id]

    def take_decision(self, value: bytes, _timestamp: int) -> None:
        """Take in a record of the decisions' topic. Raises msgspec.DecodeError."""
        decision = decode_decision(value)
        if decision.event_id in self._decisions:
            return
        self._decisions[decision.event_id] = decision
        if len(self._decisions) > MOST_DECISIONS:
            del self._decisions[next(iter(self._decisions))]

    def newest(self, source: Source | None) -> list[tuple[Urination, Decision | None]]:
        """Return up to 20 uses of a source, or of all, newest first, each with its decision if there is one."""
        sources = self._uses if source is None else [source]
        uses = [use for name in sources for use in self._uses.get(name, {}).values()]
        newest = islice(sorted(uses, key=_start, reverse=True), SHOWN_USES)
        return [(use, self._decisions.get(use.event_id)) for use in newest]


def _start(use: Urination) -> datetime:
    return use.start
