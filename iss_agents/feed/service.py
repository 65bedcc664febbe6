"""Feed service of a worker: leader election, connection, pipeline and publisher put together."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic

from mode import Service
from mode.types import ServiceT

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.feed.connection import Connection
from iss_agents.feed.decode import Update
from iss_agents.feed.known_readings import known_readings
from iss_agents.feed.leader_election import LeaderElection
from iss_agents.feed.pipeline import Pipeline
from iss_agents.feed.producer_record import outgoing_gap, outgoing_reading
from iss_agents.feed.publisher import Overflow, Publisher
from iss_agents.feed.restart_gap import find_restart_gap
from iss_agents.feed.station_time import PART as CLOCK
from iss_agents.runtime.health import Health
from iss_agents.runtime.metrics import FEED_RECEIVED
from iss_agents.telemetry.records import Reading

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
FLUSH_SECONDS = 5.0
"""How long a feed that stops waits for Kafka; unacknowledged records then stay in the spool."""


class FeedBusyError(UserError):
    """Kafka accepts readings more slowly than they arrive: try again later."""


class Feed(Service):
    """Everything between the station and the publisher, which is responsible for readings from `offer` on."""

    silence_seconds = 30.0
    """Without an update for this long at AOS the session is replaced: the clock alone ticks every second, and
    the library itself detects a dead socket within 6 s (lightstreamer.md 1.6)."""

    loss_of_signal_seconds = 900.0
    """The same at LOS, where silence is normal: 657 s is the longest in the recordings (feed.md)."""

    renewal_seconds = 300.0
    """Least time between sessions begun only for a new snapshot: each costs the updates in between, and the
    server is a public one."""

    def __init__(self, settings: Settings, health: Health, publisher: Publisher) -> None:
        super().__init__()
        self._settings = settings
        self._health = health
        self._publisher = publisher
        self._election = LeaderElection(settings, self._begin, self._end)
        self._connection: Connection | None = None
        self._pipeline = self._new_pipeline({})
        self._last_update: datetime | None = None
        self._restart_gap_due = False
        self._renewed_at: float | None = None
        self._drained = False
        publisher.on_overflow = self._record_overflow

    def on_init_dependencies(self) -> list[ServiceT]:
        return [self._election]

    async def on_start(self) -> None:
        self._health.up("feed", "standby")

    async def on_stop(self) -> None:
        # The publisher stops next, and moves unacknowledged records to disk.
        await self._disconnect()

    def submit(self, reading: Reading) -> None:
        """Publish a test reading.

        Raises:
            FeedBusyError: too many records wait for Kafka.
        """
        if self._publisher.above_high_water:
            raise FeedBusyError("Kafka accepts readings more slowly than they arrive: try again later.")
        FEED_RECEIVED.labels(reading.source).inc()
        self._publisher.offer([outgoing_reading(reading)])

    async def drain(self) -> None:
        """Stop the feed for good and return when Kafka has all records; `submit` still works."""
        self._drained = True
        await self._end()
        await self._election.stop()
        while not self.should_stop and not await self._publisher.flush(FLUSH_SECONDS):
            logger.info("Draining: %s records wait for Kafka", self._publisher.pending)
        self._health.up("feed", "drained")

    async def _begin(self) -> None:
        await self._recover_spools()
        if self._connection or self._drained or self.should_stop:
            return
        known = await known_readings(self._settings)
        if self._drained or self.should_stop:
            return
        # The state of an earlier term is outdated: another worker may have led meanwhile.
        self._pipeline, self._last_update, self._restart_gap_due = self._new_pipeline(known), None, True
        self._connection = Connection(
            self._settings,
            self._health,
            on_updates=self._process,
            on_lost_updates=self._lose_updates,
            on_rejected_item=self._lose_item,
            on_lost_session=self._lose_session,
            idle_timeout=self._idle_timeout,
        )
        await self.add_runtime_dependency(self._connection)

    async def _recover_spools(self) -> None:
        try:
            await self._publisher.recover()
        except UserError as error:
            # New readings must not wait for old spools.
            logger.warning("The spools of earlier workers stay on disk: %s", error)

    def _new_pipeline(self, known: Mapping[str, Reading]) -> Pipeline:
        return Pipeline(self._settings.feed_source, self._settings.feed_shard, known)

    async def _end(self) -> None:
        if not self._connection:
            return
        await self._disconnect()
        await self._publisher.flush(FLUSH_SECONDS)
        self._health.up("feed", "standby")
        if CLOCK in self._health.parts:
            self._health.up(CLOCK, "standby")

    async def _disconnect(self) -> None:
        if not self._connection:
            return
        connection, self._connection = self._connection, None
        await self.remove_dependency(connection)
        self._publisher.offer(self._pipeline.finish(datetime.now(UTC), monotonic()))

    @Service.task
    async def _tick(self) -> None:
        while not self.should_stop:
            await self.sleep(TICK_SECONDS)
            if not self._connection:
                continue
            now = monotonic()
            self._publisher.offer(self._pipeline.tick(now))
            self._report_clocks(now)
            self._renew(now)

    def _report_clocks(self, now: float) -> None:
        if problem := self._pipeline.clock_problem(now):
            self._health.down(CLOCK, problem)
        elif CLOCK in self._health.parts:
            self._health.up(CLOCK, "the station's clock and this machine's agree")

    def _renew(self, now: float) -> None:
        """Begin a new session if a snapshot is needed, at most one in `renewal_seconds`."""
        rested = self._renewed_at is None or now - self._renewed_at >= self.renewal_seconds
        if self._connection and rested and self._pipeline.pop_snapshot_request():
            self._renewed_at = now
            self._connection.renew("readings were flagged or rejected, and a new snapshot is needed")

    def _process(self, updates: list[Update]) -> None:
        self._last_update = updates[-1].arrival
        self._publisher.offer(self._pipeline.process(updates, monotonic()))
        if self._restart_gap_due and self._pipeline.began:
            self._restart_gap_due = False
            self.add_future(self._record_restart(self._pipeline.began))

    async def _record_restart(self, first: datetime) -> None:
        gap = await find_restart_gap(
            self._settings, first, self._settings.feed_source, self._publisher.spooled_until
        )
        if gap:
            self._publisher.offer([outgoing_gap(gap)])

    def _lose_session(self, reason: str) -> None:
        self._publisher.offer(self._pipeline.lose_session(reason))

    def _lose_item(self, item_id: str, reason: str) -> None:
        self._publisher.offer(self._pipeline.lose_item(item_id, reason, datetime.now(UTC)))

    def _lose_updates(self, counts: Mapping[str, int]) -> None:
        lost = {item: count for item, count in counts.items() if self._settings.feed_shard.holds(item)}
        if not lost:
            return
        only = next(iter(lost)) if len(lost) == 1 else None
        detail = f"{sum(lost.values())} updates of {only or f'{len(lost)} items'} were dropped"
        logger.warning("%s", detail)
        now = datetime.now(UTC)
        self._publisher.offer(self._pipeline.lose_updates(self._last_update or now, now, detail, only))

    def _idle_timeout(self) -> float:
        lost = self._pipeline.signal.acquired is False
        return self.loss_of_signal_seconds if lost else self.silence_seconds

    def _record_overflow(self, overflow: Overflow) -> None:
        detail = f"readings were rejected: {overflow.reason}"
        self._publisher.offer(self._pipeline.lose_updates(overflow.start, overflow.end, detail))
        self._pipeline.request_snapshot()
