"""Document of a use of the toilet, with its post."""

from typing_extensions import TypedDict

from iss_agents.announcers.decision import Decision
from iss_agents.detection.events import Urination
from iss_agents.telemetry.station_clock import rfc3339
from web.base.view import Time


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
    """Its text, whether it was posted or not; null while nothing is decided."""
    decision: str | None
    """posted, dry_run, failed, refused, suppressed or stale; null while nothing is decided."""


def use_document(use: Urination, decision: Decision | None) -> UseDocument:
    """Return the document of a use and its decision, if there is one."""
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
