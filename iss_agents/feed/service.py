"""The feed of a worker: leads or stands by, connects, and publishes what becomes of each update."""

import logging
from datetime import UTC, datetime

from mode import Service
from mode.types import ServiceT

from iss_agents.errors import UserError
from iss_agents.feed.connection import Connection
from iss_agents.feed.continuity import find_restart_gap
from iss_agents.feed.intake import Intake
from iss_agents.feed.leadership import Leadership
from iss_agents.feed.outgoing import outgoing_gap, outgoing_reading
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.update import Update
from iss_agents.health import Health
from iss_agents.metrics import FEED_RECEIVED
from iss_agents.records import Reading
from iss_agents.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
FLUSH_SECONDS = 5.0
"""How long a feed that ends waits for Kafka; what is not acknowledged by then waits in the spool."""


class FeedBusy(UserError):  # noqa: N818 - it says what is the matter
    """Kafka takes readings more slowly than they come: try again later."""


class Feed(Service):
    """Everything between the station and the publisher. Readings are on their way when `offer` has them."""

    silence_seconds = 30.0
    """Without an update for this long at AOS the session is replaced: the clock alone ticks every second, and
    the library finds a dead socket within 6 s by itself (lightstreamer.md 1.6)."""

    loss_of_signal_seconds = 900.0
    """The same at LOS, which is silent by itself: 657 s is the longest in the recordings (feed.md)."""

    def __init__(self, settings: Settings, health: Health, publisher: Publisher) -> None:
        super().__init__()
        self._settings = settings
        self._health = health
        self._publisher = publisher
        self._leadership = Leadership(settings, self._begin, self._end)
        self._connection: Connection | None = None
        self._intake = self._new_intake()
        self._last_update: datetime | None = None
        self._refused_since: datetime | None = None
        self._drained = False
        publisher.on_refused = self._begin_refusal
        publisher.on_room = self._end_refusal

    def on_init_dependencies(self) -> list[ServiceT]:
        return [self._leadership]

    async def on_start(self) -> None:
        self._health.good("feed", "standby")

    async def on_stop(self) -> None:
        await self._end()

    def submit(self, reading: Reading) -> None:
        """Publish a test reading.

        Raises:
            FeedBusy: too many records wait for Kafka.
        """
        if self._publisher.above_high_water:
            raise FeedBusy("Kafka takes readings more slowly than they come: try again later.")
        FEED_RECEIVED.labels(reading.source).inc()
        self._publisher.offer([outgoing_reading(reading)])

    async def drain(self) -> None:
        """Stop the feed for good and return when Kafka has everything; submitted readings still go through."""
        self._drained = True
        await self._end()
        await self._leadership.stop()
        while not self.should_stop and not await self._publisher.flush(FLUSH_SECONDS):
            logger.info("Draining: %s records wait for Kafka", self._publisher.pending)
        self._health.good("feed", "drained")

    async def _begin(self) -> None:
        if self._connection or self._drained or self.should_stop:
            return
        # What an earlier term knew is old: another worker may have led meanwhile.
        self._intake, self._last_update = self._new_intake(), None
        self._connection = Connection(
            self._settings,
            self._health,
            on_updates=self._take,
            on_lost_updates=self._lose_updates,
            on_lost_session=self._lose_session,
            patience=self._patience,
        )
        await self.add_runtime_dependency(self._connection)

    def _new_intake(self) -> Intake:
        return Intake(self._settings.feed_source, self._settings.feed_shard)

    async def _end(self) -> None:
        if not self._connection:
            return
        connection, self._connection = self._connection, None
        await self.remove_dependency(connection)
        self._publisher.offer(self._intake.finish(datetime.now(UTC)))
        await self._publisher.flush(FLUSH_SECONDS)
        self._health.good("feed", "standby")

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_SECONDS)
            if not self._connection:
                continue
            self._publisher.offer(self._intake.look(datetime.now(UTC)))
            if self._intake.take_wish_for_snapshot():
                self._connection.renew("readings were marked and are to be seen again")

    def _take(self, updates: list[Update]) -> None:
        if self._last_update is None:
            self.add_future(self._record_restart(updates[0].arrival))
        self._last_update = updates[-1].arrival
        self._publisher.offer(self._intake.take(updates))

    async def _record_restart(self, first: datetime) -> None:
        gap = await find_restart_gap(
            self._settings, first, self._settings.feed_source, self._publisher.spooled_until
        )
        if gap:
            self._publisher.offer([outgoing_gap(gap)])

    def _lose_session(self, reason: str) -> None:
        self._publisher.offer(self._intake.lose_session(reason))

    def _lose_updates(self, item_id: str, count: int) -> None:
        if not self._settings.feed_shard.holds(item_id):
            return
        logger.warning("The server dropped %s updates of %s", count, item_id, extra={"item": item_id})
        detail = f"{count} updates of {item_id} were dropped"
        now = datetime.now(UTC)
        self._publisher.offer(self._intake.lose_updates(self._last_update or now, now, detail))

    def _patience(self) -> float:
        lost = self._intake.signal.acquired is False
        return self.loss_of_signal_seconds if lost else self.silence_seconds

    def _begin_refusal(self) -> None:
        self._refused_since = self._refused_since or datetime.now(UTC)

    def _end_refusal(self) -> None:
        if not self._refused_since:
            return
        start, self._refused_since = self._refused_since, None
        detail = "the spool was full and readings were refused"
        self._publisher.offer(self._intake.lose_updates(start, datetime.now(UTC), detail))
        if self._connection:
            self._connection.renew("readings were refused and are to be seen again")
