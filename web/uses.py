"""The newest uses of the toilet, each with what was said of it, from the topics of events and decisions."""

from datetime import datetime
from itertools import islice

from typing_extensions import TypedDict

from iss_agents.announcers.decision import Decision, decode_decision
from iss_agents.detection.events import Urination, decode_event
from iss_agents.records import Source
from iss_agents.station_clock import rfc3339
from web.view import Time

MOST_USES = 50
"""Uses that are kept of each source: days of them."""

MOST_DECISIONS = 1000
"""Decisions that are kept. One comes within minutes of its use, so those of the newest uses are among them."""

SHOWN_USES = 20


class UseDocument(TypedDict):
    """A use of the toilet, and what was said of it. Levels are percent of the tank."""

    event_id: str
    """Names the use."""
    start: Time
    """When the rise began."""
    end: Time
    """When the rise ended."""
    detected_at: Time
    """The station's time of the reading that decided."""
    level_before: float
    """The level before, percent."""
    level_after: float
    """The level after, percent."""
    delta_percent: float
    """By how much it rose."""
    confidence: float
    """How sure it is, 0 to 1."""
    source: str
    """isslive if every reading came from the public feed, else simulated or test."""
    text: str | None
    """What was said of it or would have been; null while nothing is decided."""
    decision: str | None
    """posted, dry_run, failed, refused, suppressed or stale; null while nothing is decided."""


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

    def newest(self, source: Source | None) -> list[UseDocument]:
        """Return up to 20 uses of a source, or of all, newest first."""
        sources = self._uses if source is None else [source]
        uses = [use for name in sources for use in self._uses.get(name, {}).values()]
        newest = islice(sorted(uses, key=_start, reverse=True), SHOWN_USES)
        return [self._document(use) for use in newest]

    def _document(self, use: Urination) -> UseDocument:
        decision = self._decisions.get(use.event_id)
        return {
            "event_id": use.event_id,
            "start": rfc3339(use.start),
            "end": rfc3339(use.end),
            "detected_at": rfc3339(use.detected_at),
            "level_before": use.level_before,
            "level_after": use.level_after,
            "delta_percent": use.delta_percent,
            "confidence": use.confidence,
            "source": use.source,
            "text": decision.text if decision else None,
            "decision": decision.decision if decision else None,
        }


def _start(use: Urination) -> datetime:
    return use.start
