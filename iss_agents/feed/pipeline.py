"""Pipeline of the feed: decodes updates, flags bad data, detects gaps, and counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from iss_agents.feed.dead_letters import invalid_update
from iss_agents.feed.decode import InvalidUpdateError, Update, reading_from_update
from iss_agents.feed.gap_detection import NO_NEWS, GapDetector, RejectedItems, Signal, new_gap
from iss_agents.feed.producer_record import ProducerRecord, outgoing_gap, outgoing_invalid, outgoing_reading
from iss_agents.feed.quality import Freeze, ZeroBursts
from iss_agents.feed.station_time import StationTime
from iss_agents.runtime import metrics
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import Gap, Reading, Source
from iss_agents.telemetry.shards import WHOLE, Shard


class Pipeline:
    """The state of one shard over all its sessions. Every method returns the records to publish, in order.

    Every shard follows the station's clock to know whether the broadcast is alive; only the shard that holds
    the clock publishes its readings and the losses of signal. `known` has the last reading of each item that an
    earlier feed published. `at` is a time of the monotonic clock, by which durations are measured.
    """

    def __init__(
        self, source: Source, shard: Shard = WHOLE, known: Mapping[str, Reading] | None = None
    ) -> None:
        self.signal = Signal(source, shard)
        self.began: datetime | None = None
        """When the first reading arrived."""
        self._source = source
        self._shard = shard
        self._station = StationTime(known or {})
        self._freeze = Freeze()
        self._zero_bursts = ZeroBursts(self._freeze.age)
        self._gap_detector = GapDetector(source, shard)
        self._rejected_items = RejectedItems(source, shard)
        self._session = 0
        self._newest: datetime | None = None
        self._max_latency: float | None = None
        self._open_gaps: set[str] = set()
        self._rejected: dict[str, str] = {}  # item id -> id of its last dead letter
        self._snapshot_requested = False

    def process(self, updates: Sequence[Update], at: float) -> list[ProducerRecord]:
        """Return the records of updates that arrived together."""
        outgoing: list[ProducerRecord] = []
        counts: Counter[str] = Counter()
        for update in updates:
            if returned := self._rejected_items.observe(update.item_id, update.arrival):
                outgoing += self._gaps(returned)
            outgoing += (
                self._process_one(update, at, counts)
                if self._shard.holds(update.item_id)
                else self._process_clock(update, at)
            )
        metrics.FEED_RECEIVED.labels(self._source).inc(counts["received"])
        metrics.FEED_NEVER_MEASURED.inc(counts["never measured"])
        metrics.LAST_UPDATE.set(updates[-1].arrival.timestamp())
        self._observe_latency()
        return outgoing

    def tick(self, at: float) -> list[ProducerRecord]:
        """Return what is due without an update: zeros that have been held long enough, and a silence."""
        released = self._zero_bursts.release(at)
        acquired, why = self.signal.acquired is not False, self._station.disagreement or NO_NEWS
        gaps = self._gap_detector.check_silence(at, signal_acquired=acquired, detail=why)
        return [*self._readings(released), *self._gaps(gaps)]

    def lose_session(self, reason: str) -> list[ProducerRecord]:
        """Return the outage that begins with the final end of a session."""
        return self._gaps(self._gap_detector.begin_outage(reason))

    def lose_item(self, item_id: str, reason: str, now: datetime) -> list[ProducerRecord]:
        """Return the gap of an item that the server rejects; it ends with the item's next update."""
        if not self._shard.holds(item_id):
            return []
        return self._gaps(self._rejected_items.begin_outage(item_id, reason, now))

    def lose_updates(
        self, start: datetime, end: datetime, detail: str, item_id: str | None = None
    ) -> list[ProducerRecord]:
        """Return the gap between `start` and `end`, in which updates of one or many items were lost."""
        gap = new_gap(
            "overflow",
            start,
            end=end,
            detail=detail,
            source=self._source,
            shard=self._shard,
            item_id=item_id,
        )
        return self._gaps([gap])

    def finish(self, now: datetime, at: float) -> list[ProducerRecord]:
        """Return the held readings and the ends of the open gaps: this worker stops monitoring them."""
        losses = self.signal.finish(now) if self._shard.holds(SIGNAL_ITEM) else []
        gaps = self._gap_detector.finish(now) + self._rejected_items.finish(now) + losses
        outgoing = [*self._readings(self._zero_bursts.finish(at)), *self._gaps(gaps)]
        # From now on another worker reports it.
        metrics.SIGNAL_ACQUIRED.set(0)
        return outgoing

    def request_snapshot(self) -> None:
        """Request a new snapshot."""
        self._snapshot_requested = True

    def pop_snapshot_request(self) -> bool:
        """Return, once per request, whether a new snapshot is needed, as after readings were flagged."""
        checks = (self._station, self._freeze, self._zero_bursts)
        wish = self._snapshot_requested or any(check.needs_snapshot for check in checks)
        self._snapshot_requested = False
        for check in checks:
            check.needs_snapshot = False
        return wish

    def clock_problem(self, at: float) -> str:
        """Return how far the station's clock and this machine's disagree, an empty text if they agree."""
        if not self._station.disagreement and self._freeze.is_late(at):
            late = round(self._freeze.lag.total_seconds())
            return f"The station's clock moves and is {late} s late: is this machine's clock right?"
        return self._station.disagreement

    def _process_one(self, update: Update, at: float, counts: Counter[str]) -> list[ProducerRecord]:
        try:
            reading = reading_from_update(update, self._source, self._station.time_of)
        except InvalidUpdateError as invalid:
            counts["received"] += 1
            return self._reject(update, invalid)
        if reading is None:
            counts["never measured"] += 1
            return []
        counts["received"] += 1
        return self._process_reading(reading, at)

    def _reject(self, update: Update, invalid: InvalidUpdateError) -> list[ProducerRecord]:
        letter = invalid_update(update, invalid, self._source)
        if update.snapshot and self._rejected.get(update.item_id) == letter.invalid_id:
            return []  # what the server remembers was as invalid in the session before
        self._rejected[update.item_id] = letter.invalid_id
        metrics.INVALID.labels("feed", invalid.reason).inc()
        return [outgoing_invalid(letter)]

    def _process_clock(self, update: Update, at: float) -> list[ProducerRecord]:
        # The clock of another shard, which reports its errors.
        try:
            reading = reading_from_update(update, self._source, self._station.time_of)
        except InvalidUpdateError:
            return []
        if reading is None or reading.item_id != SIGNAL_ITEM:
            return []
        self.began = self.began or reading.ingest_ts
        checked = self._freeze.check(reading, at)
        self.signal.observe(checked)
        return self._gaps(self._gap_detector.observe(checked, at, self._freeze.since))

    def _process_reading(self, reading: Reading, at: float) -> list[ProducerRecord]:
        self._count_session(reading.session)
        self._station.remember(reading)
        self.began = self.began or reading.ingest_ts
        self._newest = max(self._newest or reading.source_ts, reading.source_ts)
        if not reading.snapshot:
            delay = (reading.ingest_ts - reading.source_ts).total_seconds()
            self._max_latency = max(0.0, delay, self._max_latency or 0.0)
        checked = self._freeze.check(reading, at)
        passed = self._zero_bursts.check(checked, at)
        gaps = self._gap_detector.observe(checked, at, self._freeze.since) + self.signal.observe(checked)
        return [*self._gaps(gaps), *self._readings(passed)] if gaps else self._readings(passed)

    def _observe_latency(self) -> None:
        # Once per batch: one observation per reading would cost too much.
        if self._newest:
            metrics.LAST_READING.set(self._newest.timestamp())
        if self._max_latency is not None:
            metrics.SOURCE_TO_INGEST.observe(self._max_latency)
        self._max_latency = None

    def _count_session(self, session: int) -> None:
        if session != self._session:
            self._session = session
            self.pop_snapshot_request()  # the new session is a snapshot
            metrics.FEED_SESSIONS.inc()

    def _readings(self, readings: Sequence[Reading]) -> list[ProducerRecord]:
        for reading in readings:
            if reading.suspect:
                metrics.SUSPECT.labels(reading.suspect).inc()
        return [outgoing_reading(reading) for reading in readings]

    def _gaps(self, gaps: Sequence[Gap]) -> list[ProducerRecord]:
        metrics.SIGNAL_ACQUIRED.set(bool(self.signal.acquired))
        for gap in gaps:
            if gap.gap_id not in self._open_gaps:
                metrics.GAPS.labels(gap.cause).inc()
            if gap.end is None:
                self._open_gaps.add(gap.gap_id)
            else:
                self._open_gaps.discard(gap.gap_id)
        return [outgoing_gap(gap) for gap in gaps]
