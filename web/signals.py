"""Whether the station's signal is acquired, as the newest reading of its clock says."""

from datetime import datetime, timedelta
from typing import Literal

from typing_extensions import TypedDict

from iss_agents.records import GOOD_STATUS, Reading
from iss_agents.station_clock import rfc3339
from web.view import Time

SignalState = Literal["AOS", "LOS", "STALE", "UNKNOWN"]

FRESH = timedelta(seconds=60)
"""How old the station's clock may be, by the wall clock, while the signal counts as acquired.

The clock comes once a second, about 6 s late at best, and users measured 30 s; the public clients draw the
line between 5 and 60 s (feed.md, AOS/LOS). 60 s does not flap at any of these delays, and the station says
itself when the signal is lost: the age is only for a broadcast that has stopped.
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
    if clock.status_class != GOOD_STATUS:
        return "LOS"
    return "AOS" if now - clock.source_ts <= FRESH else "STALE"


def age_seconds(reading: Reading, now: datetime) -> float:
    """Return how long ago a reading was measured, to the millisecond."""
    return round((now - reading.source_ts).total_seconds(), 3)
