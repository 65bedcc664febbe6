"""Spans without trustworthy readings, as the feed notices them. Time comes with readings or as a parameter."""

import hashlib
from datetime import datetime, timedelta

from msgspec.structs import replace

from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.records import SCHEMA_VERSION, Gap, GapCause, Reading, Source
from iss_agents.shard import WHOLE, Shard
from iss_agents.station_clock import rfc3339

SILENCE = timedelta(seconds=60)
"""Without any news for this long, at AOS, something upstream is broken: the clock alone ticks every second."""


def new_gap(
    cause: GapCause,
    start: datetime,
    *,
    end: datetime | None = None,
    detail: str,
    source: Source,
    shard: Shard = WHOLE,
) -> Gap:
    """Return a gap whose id follows from its cause, start, source and shard, so that its end finds it again."""
    name = f"{cause}|{rfc3339(start)}|{source}" + ("" if shard.is_whole else f"|{shard}")
    return Gap(
        schema_version=SCHEMA_VERSION,
        gap_id=hashlib.sha256(name.encode()).hexdigest(),
        cause=cause,
        start=start,
        end=end,
        detail=detail,
        source=source,
        shard=None if shard.is_whole else str(shard),
    )


class Absence:
    """Whether the station speaks to a shard, over all sessions: at most one silence, outage or freeze is open.

    A session's snapshot is the server's memory, so a gap ends with the first reading that was measured or sent
    after it began.
    """

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self._source = source
        self._shard = shard
        self._heard: datetime | None = None
        self._session = 0
        self._open: Gap | None = None

    def observe(self, reading: Reading, frozen_since: datetime | None = None) -> list[Gap]:
        """Return the gaps that this reading opens or ends; `frozen_since` is where the clock stands still."""
        if frozen_since:
            return self._begin("frozen", frozen_since, "the station's clock stands still")
        if not self._is_news(reading):
            return []
        gaps = self._end(reading) or self._lost_between_sessions(reading)
        self._heard, self._session = reading.ingest_ts, reading.session
        return gaps

    def lose(self, reason: str) -> list[Gap]:
        """Return the outage that begins when a session has ended for good."""
        return self._begin("outage", self._heard, reason) if self._heard else []

    def look(self, now: datetime, *, signal_acquired: bool) -> list[Gap]:
        """Return the silence that has begun, if any. Loss of signal is silent by itself."""
        if not signal_acquired or not self._heard or now - self._heard <= SILENCE:
            return []
        return self._begin("silence", self._heard, "connected, but no news of any item")

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
        return not reading.snapshot or self._heard is None or reading.source_ts > self._heard

    def _lost_between_sessions(self, reading: Reading) -> list[Gap]:
        if not self._heard or reading.session == self._session:
            return []
        detail = "a new session took the place of the one before"
        return [self._gap("outage", self._heard, detail, reading.ingest_ts)]

    def _begin(self, cause: GapCause, start: datetime, detail: str) -> list[Gap]:
        if self._open:
            return []
        self._open = self._gap(cause, start, detail)
        return [self._open]

    def _gap(self, cause: GapCause, start: datetime, detail: str, end: datetime | None = None) -> Gap:
        return new_gap(cause, start, end=end, detail=detail, source=self._source, shard=self._shard)
