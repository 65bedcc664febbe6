"""Acquisition of signal (AOS, LOS), from the newest reading of the station's clock."""

from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypedDict

from iss_agents.telemetry.records import Reading, is_acceptable_status
from iss_agents.telemetry.station_clock import rfc3339
from web.base.view import Time

SignalState = Literal["AOS", "LOS", "STALE", "UNKNOWN"]

FRESH = timedelta(seconds=60)
"""How old the station's clock may be, by the wall clock, while the signal counts as acquired.

The clock arrives once a second, about 6 s late at best, and users measured 30 s; the public clients use limits
between 5 and 60 s (feed.md, AOS/LOS). 60 s does not flap at any of these delays. A loss of signal is reported
by the station itself: the age only detects a stopped broadcast.
"""


class SignalDocument(TypedDict):
    """Whether the station's signal is acquired."""

    state: SignalState
    """AOS: acquired. LOS: lost. STALE: said to be acquired, but the station's clock is old. UNKNOWN."""
    source_ts: Time | None
    """What the station's clock said last."""
    age_seconds: float | None
    """How long ago that was."""


def signal_document(clock: Reading | None, now: datetime) -> SignalDocument:
    """Return whether the station's signal is acquired at `now`, and what says so."""
    return {
        "state": signal_state(clock, now),
        "source_ts": rfc3339(clock.source_ts) if clock else None,
        "age_seconds": age_seconds(clock, now) if clock else None,
    }


def signal_state(clock: Reading | None, now: datetime) -> SignalState:
    """Return what the newest reading of the station's clock says of the signal at `now`."""
    if clock is None:
        return "UNKNOWN"
    if not is_acceptable_status(clock.status_class):
        return "LOS"
    return "AOS" if now - clock.source_ts <= FRESH else "STALE"


def age_seconds(reading: Reading, now: datetime) -> float:
    """Return how long ago a reading was measured, to the millisecond."""
    return round((now - reading.source_ts).total_seconds(), 3)
