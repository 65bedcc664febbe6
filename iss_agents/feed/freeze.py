"""Mark what a frozen broadcast sends: a server's memory that looks like telemetry."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.records import Reading

FROZEN_AFTER = timedelta(seconds=60)
"""How far the station's clock, which ticks once a second, may lie behind the wall clock (limit of iss-live)."""


class Freeze:
    """Whether the broadcast stands still, judged by the station's clock in the current session."""

    def __init__(self) -> None:
        self.needs_snapshot = False
        """Whether marked readings have to be asked for again, as the clock moves; whoever asks resets it."""
        self.since: datetime | None = None
        """Where the clock stands still, while readings are marked for it."""
        self._session = 0
        self._clock: datetime | None = None
        self._moved: datetime | None = None

    def judge(self, reading: Reading) -> Reading:
        """Return the reading, marked if it is as old as the clock that stands still."""
        self._follow_clock(reading)
        if not self._stands_still(reading.ingest_ts):
            self.needs_snapshot |= self.since is not None
            self.since = None
            return reading
        if reading.ingest_ts - reading.source_ts <= FROZEN_AFTER:
            return reading
        self.since = self._clock
        return replace(reading, suspect="frozen")

    def _follow_clock(self, reading: Reading) -> None:
        if reading.session != self._session:
            # A session's snapshot begins with the clock and shows every item anew.
            self._session, self._clock, self._moved, self.since = reading.session, None, None, None
        if reading.item_id != SIGNAL_ITEM:
            return
        if self._clock and reading.source_ts > self._clock:
            self._moved = reading.ingest_ts
        self._clock = max(self._clock or reading.source_ts, reading.source_ts)

    def _stands_still(self, now: datetime) -> bool:
        if self._clock is None or now - self._clock <= FROZEN_AFTER:
            return False
        # A clock that comes late and moves is late, as after a backlog, and not frozen.
        return self._moved is None or now - self._moved > FROZEN_AFTER
