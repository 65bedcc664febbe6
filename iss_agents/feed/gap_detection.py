"""Gap detection: spans without trustworthy readings, and losses of signal.

Nothing here reads a clock: times come with readings or as parameters.
"""

import hashlib
import logging
from datetime import datetime, timedelta

from msgspec.structs import replace

from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import SCHEMA_VERSION, Gap, GapCause, Reading, Source, is_good_status
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.station_clock import rfc3339

logger = logging.getLogger(__name__)

SILENCE = timedelta(seconds=60)
"""Without news for this long at AOS something upstream is broken: the clock alone ticks every second."""

NO_NEWS = "connected, but no news of any item"


def new_gap(
    cause: GapCause,
    start: datetime,
    *,
    end: datetime | None = None,
    detail: str,
    source: Source,
    shard: Shard = WHOLE,
    item_id: str | None = None,
) -> Gap:
    """Return a gap; its id follows from cause, start, source, shard and item, so the end of a gap has the same.

    A gap never ends before it starts, even if our clock was set back in between.
    """
    name = f"{cause}|{rfc3339(start)}|{source}" + ("" if shard.is_whole else f"|{shard}")
    name += f"|{item_id}" if item_id else ""
    return Gap(
        schema_version=SCHEMA_VERSION,
        gap_id=hashlib.sha256(name.encode()).hexdigest(),
        cause=cause,
        start=start,
        end=end and max(start, end),
        detail=detail,
        source=source,
        shard=None if shard.is_whole else str(shard),
        item_id=item_id,
    )


class GapDetector:
    """Detects silences, outages and freezes of a shard over all sessions; at most one of them is open.

    The server sends a session's snapshot from memory, so a gap ends with the first reading that was measured,
    or sent live, after the gap began.
    """

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self._source = source
        self._shard = shard
        self._last_ingest: datetime | None = None
        self._last_at = 0.0
        self._session = 0
        self._open: Gap | None = None

    def observe(self, reading: Reading, at: float, frozen_since: datetime | None = None) -> list[Gap]:
        """Return the gaps that this reading opens or ends; `frozen_since` is where the station's clock stopped.

        `at` is a time of the monotonic clock, by which a silence is measured.
        """
        if frozen_since:
            return self._begin("frozen", frozen_since, "the station's clock stands still")
        if not self._is_news(reading):
            return []
        gaps = self._end(reading) or self._lost_between_sessions(reading)
        self._last_ingest, self._last_at, self._session = reading.ingest_ts, at, reading.session
        return gaps

    def begin_outage(self, reason: str) -> list[Gap]:
        """Return the outage that begins with the final end of a session."""
        return self._begin("outage", self._last_ingest, reason) if self._last_ingest else []

    def check_silence(self, at: float, *, signal_acquired: bool, detail: str = NO_NEWS) -> list[Gap]:
        """Return the silence that has begun, if any. At LOS silence is normal."""
        if not signal_acquired or not self._last_ingest or at - self._last_at <= SILENCE.total_seconds():
            return []
        return self._begin("silence", self._last_ingest, detail)

    def finish(self, now: datetime) -> list[Gap]:
        """Return the end of the open gap, if any."""
        if not self._open:
            return []
        ended, self._open = replace(self._open, end=max(now, self._open.start)), None
        return [ended]

    def _end(self, reading: Reading) -> list[Gap]:
        if self._open and self._open.cause == "frozen" and reading.item_id != SIGNAL_ITEM:
            return []
        return self.finish(reading.ingest_ts)

    def _is_news(self, reading: Reading) -> bool:
        return not reading.snapshot or self._last_ingest is None or reading.source_ts > self._last_ingest

    def _lost_between_sessions(self, reading: Reading) -> list[Gap]:
        if not self._last_ingest or reading.session == self._session:
            return []
        detail = "a new session replaced the one before"
        return [self._gap("outage", self._last_ingest, detail, reading.ingest_ts)]

    def _begin(self, cause: GapCause, start: datetime, detail: str) -> list[Gap]:
        if self._open:
            return []
        self._open = self._gap(cause, start, detail)
        return [self._open]

    def _gap(self, cause: GapCause, start: datetime, detail: str, end: datetime | None = None) -> Gap:
        return new_gap(cause, start, end=end, detail=detail, source=self._source, shard=self._shard)


class Signal:
    """Acquisition and loss of signal (AOS, LOS); `acquired` is None until the station's clock reports it."""

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self.acquired: bool | None = None
        self._source = source
        self._shard = shard
        self._last_acquired: datetime | None = None
        self._lost: Gap | None = None

    def observe(self, reading: Reading) -> list[Gap]:
        """Return the loss of signal that this reading begins or ends, if any."""
        if reading.item_id != SIGNAL_ITEM or not reading.status_class:
            return []
        if not is_good_status(reading.status_class):
            return self._begin_loss(reading)
        # A frozen clock says nothing about the present signal.
        return [] if reading.suspect else self._acquire(reading)

    def finish(self, now: datetime) -> list[Gap]:
        """Return the end of the open loss of signal, if any: it is no longer monitored."""
        return self._end(now)

    def _begin_loss(self, reading: Reading) -> list[Gap]:
        if self._lost:
            return []
        logger.warning(
            "Signal lost (LOS): Status.Class %s at %s", reading.status_class, rfc3339(reading.source_ts)
        )
        self.acquired = False
        start = self._last_acquired or reading.source_ts
        detail = f"Status.Class {reading.status_class}"
        self._lost = new_gap("los", start, detail=detail, source=self._source, shard=self._shard)
        return [self._lost]

    def _acquire(self, reading: Reading) -> list[Gap]:
        if not self.acquired:
            logger.info("Signal acquired (AOS) at %s", rfc3339(reading.source_ts))
        self.acquired = True
        self._last_acquired = reading.source_ts
        return self._end(reading.source_ts)

    def _end(self, at: datetime) -> list[Gap]:
        if not self._lost:
            return []
        ended, self._lost = replace(self._lost, end=max(at, self._lost.start)), None
        return [ended]


class RejectedItems:
    """Items that the server rejects: an outage of each, from the rejection to the next update."""

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self._source = source
        self._shard = shard
        self._open: dict[str, Gap] = {}

    def begin_outage(self, item_id: str, reason: str, now: datetime) -> list[Gap]:
        """Return the gap of an item that is rejected now, nothing if its gap is open already."""
        if item_id in self._open:
            return []
        detail = f"the feed rejects {item_id} ({reason})"
        gap = new_gap("outage", now, detail=detail, source=self._source, shard=self._shard, item_id=item_id)
        self._open[item_id] = gap
        return [gap]

    def observe(self, item_id: str, arrival: datetime) -> list[Gap]:
        """Return the end of the gap of an item that was updated, if one is open."""
        # Called for each update, and nearly always nothing is missing.
        if not self._open or item_id not in self._open:
            return []
        gap = self._open.pop(item_id)
        return [replace(gap, end=max(arrival, gap.start))]

    def finish(self, now: datetime) -> list[Gap]:
        """Return the ends of all gaps: these items are no longer subscribed to."""
        return [gap for item_id in list(self._open) for gap in self.observe(item_id, now)]
