"""What becomes of the feed's updates before they are published: decoded, doubted, counted."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from iss_agents import metrics
from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.feed.decode import InvalidUpdate, invalid_record, reading_from_update
from iss_agents.feed.freeze import Freeze
from iss_agents.feed.gaps import Absence, new_gap
from iss_agents.feed.outgoing import Outgoing, outgoing_gap, outgoing_invalid, outgoing_reading
from iss_agents.feed.signal import Signal
from iss_agents.feed.update import Update
from iss_agents.feed.zero_bursts import ZeroBursts
from iss_agents.records import Gap, Reading, Source
from iss_agents.shard import WHOLE, Shard


class Intake:
    """The state of one shard over all its sessions. Every method returns the records to publish, in order.

    The station's clock tells every shard whether the broadcast is alive; only the shard that holds it publishes
    it, and the losses of signal.
    """

    def __init__(self, source: Source, shard: Shard = WHOLE) -> None:
        self.signal = Signal(source, shard)
        self._source = source
        self._shard = shard
        self._freeze = Freeze()
        self._zero_bursts = ZeroBursts()
        self._absence = Absence(source, shard)
        self._session = 0
        self._newest: datetime | None = None
        self._slowest: float | None = None
        self._open_gaps: set[str] = set()

    def take(self, updates: Sequence[Update]) -> list[Outgoing]:
        """Return what becomes of updates that came in together."""
        outgoing: list[Outgoing] = []
        counts: Counter[str] = Counter()
        for update in updates:
            outgoing += (
                self._take_one(update, counts) if self._shard.holds(update.item_id) else self._watch(update)
            )
        metrics.FEED_RECEIVED.labels(self._source).inc(counts["received"])
        metrics.FEED_NEVER_MEASURED.inc(counts["never measured"])
        metrics.LAST_UPDATE.set(updates[-1].arrival.timestamp())
        self._measure_times()
        return outgoing

    def look(self, now: datetime) -> list[Outgoing]:
        """Return what is due at `now` without an update: zeros that have waited, and a silence."""
        released = self._zero_bursts.release(now)
        gaps = self._absence.look(now, signal_acquired=self.signal.acquired is not False)
        return [*self._readings(released), *self._gaps(gaps)]

    def lose_session(self, reason: str) -> list[Outgoing]:
        """Return the outage that begins because a session has ended for good."""
        return self._gaps(self._absence.lose(reason))

    def lose_updates(self, start: datetime, end: datetime, detail: str) -> list[Outgoing]:
        """Return the gap between `start` and `end`, in which updates came and could not be kept."""
        gap = new_gap("overflow", start, end=end, detail=detail, source=self._source, shard=self._shard)
        return self._gaps([gap])

    def finish(self, now: datetime) -> list[Outgoing]:
        """Return what waits and the ends of the open gaps: nobody watches any longer."""
        losses = self.signal.finish(now) if self._shard.holds(SIGNAL_ITEM) else []
        gaps = self._absence.finish(now) + losses
        outgoing = [*self._readings(self._zero_bursts.finish()), *self._gaps(gaps)]
        # Another worker reports it now.
        metrics.SIGNAL_ACQUIRED.set(0)
        return outgoing

    def take_wish_for_snapshot(self) -> bool:
        """Return, once for each time, whether marked readings have to be asked for again."""
        wish = self._freeze.needs_snapshot or self._zero_bursts.needs_snapshot
        self._freeze.needs_snapshot = self._zero_bursts.needs_snapshot = False
        return wish

    def _take_one(self, update: Update, counts: Counter[str]) -> list[Outgoing]:
        try:
            reading = reading_from_update(update, self._source)
        except InvalidUpdate as invalid:
            counts["received"] += 1
            metrics.INVALID.labels("feed", invalid.reason).inc()
            return [outgoing_invalid(invalid_record(update, invalid, self._source))]
        if reading is None:
            counts["never measured"] += 1
            return []
        counts["received"] += 1
        return self._take_reading(reading)

    def _watch(self, update: Update) -> list[Outgoing]:
        # The clock of another shard. What is wrong with it that one reports.
        try:
            reading = reading_from_update(update, self._source)
        except InvalidUpdate:
            return []
        if reading is None:
            return []
        judged = self._freeze.judge(reading)
        self.signal.observe(judged)
        return self._gaps(self._absence.observe(judged, self._freeze.since))

    def _take_reading(self, reading: Reading) -> list[Outgoing]:
        self._count_session(reading.session)
        self._newest = max(self._newest or reading.source_ts, reading.source_ts)
        if not reading.snapshot:
            delay = (reading.ingest_ts - reading.source_ts).total_seconds()
            self._slowest = max(0.0, delay, self._slowest or 0.0)
        judged = self._freeze.judge(reading)
        passed = self._zero_bursts.judge(judged)
        gaps = self._absence.observe(judged, self._freeze.since) + self.signal.observe(judged)
        return [*self._gaps(gaps), *self._readings(passed)] if gaps else self._readings(passed)

    def _measure_times(self) -> None:
        # Once a list: one observation a reading would be felt.
        if self._newest:
            metrics.LAST_READING.set(self._newest.timestamp())
        if self._slowest is not None:
            metrics.SOURCE_TO_INGEST.observe(self._slowest)
        self._slowest = None

    def _count_session(self, session: int) -> None:
        if session != self._session:
            self._session = session
            metrics.FEED_SESSIONS.inc()

    def _readings(self, readings: Sequence[Reading]) -> list[Outgoing]:
        for reading in readings:
            if reading.suspect:
                metrics.SUSPECT.labels(reading.suspect).inc()
        return [outgoing_reading(reading) for reading in readings]

    def _gaps(self, gaps: Sequence[Gap]) -> list[Outgoing]:
        metrics.SIGNAL_ACQUIRED.set(bool(self.signal.acquired))
        for gap in gaps:
            if gap.gap_id not in self._open_gaps:
                metrics.GAPS.labels(gap.cause).inc()
            if gap.end is None:
                self._open_gaps.add(gap.gap_id)
            else:
                self._open_gaps.discard(gap.gap_id)
        return [outgoing_gap(gap) for gap in gaps]
