"""Topics -> MongoDB, beside the agents: a database that is away holds up nothing but this.

An agent that waits stops every other agent of its App once a buffer is full, so this is a service with a
consumer group of its own. An offset is committed only after the database has acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from aiokafka.errors import KafkaError
from mode import Service

from iss_agents import metrics
from iss_agents.archive.database import Database, DatabaseAway, connect, ping
from iss_agents.archive.hours import Marks
from iss_agents.archive.indexes import prepare
from iss_agents.archive.intake import Batch, Intake
from iss_agents.archive.refusals import Refusals
from iss_agents.archive.storing import store
from iss_agents.backoff import delays
from iss_agents.circuit import Circuit, CircuitOpen, Tolerance
from iss_agents.health import Health
from iss_agents.offsets import Behind
from iss_agents.settings import Settings
from iss_agents.topics import RAW
from iss_agents.watchdog import PATIENCE, Stalls

logger = logging.getLogger(__name__)

PACE_SECONDS = 0.2
"""From one batch that is not full to the next: five rounds a second cost little (2.0 % of a core at 70/s)."""

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0
TOLERANCE = Tolerance(failures=1, first_rest=FIRST_RETRY_SECONDS, longest_rest=LAST_RETRY_SECONDS)
"""One failure is enough: the driver has looked for a server for seconds before it tells us."""

LAG_SECONDS = 1.0

STOP_SECONDS = 4.0
"""How long a stop waits for the write in flight; a write that is cut off is repeated by the next start."""


class Archive(Service):
    """Stores readings, gaps and what is invalid; reports as the parts `archive` and `database`."""

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self._settings = settings
        self._health = health
        self._failures = 0
        self._ended = asyncio.Event()
        self._circuit = Circuit("database", health, "answers", TOLERANCE)

    async def on_start(self) -> None:
        """Make the connections' objects; nothing need answer yet."""
        self._database: Database = connect(self._settings)
        self._intake = Intake(self._settings)
        self._refusals = Refusals(self._settings)
        self._marks = Marks()

    def stalls(self, behind: Behind) -> Stalls:
        """Say where the archive stands, for the watchdog."""
        failures = f"{self._failures} attempts failed"
        if not self._intake.joined:
            return {f"the archive does not begin ({failures})": PATIENCE}
        return {
            f"the archive's {tp.topic} {tp.partition} stays at {behind[tp]} ({failures})": PATIENCE
            for tp in self._intake.consumer.assignment()
            if tp in behind
        }

    async def on_stop(self) -> None:
        """Let the write in flight end with its commit."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), STOP_SECONDS)

    @Service.task
    async def _archive(self) -> None:
        try:
            await self._until_done(self._prepare)
            await self._until_done(self._refusals.start)
            await self._until_done(self._intake.start)
            while not self.should_stop:
                await self._until_done(self._round)
        finally:
            await self._intake.stop()
            await self._refusals.stop()
            self._database.client.close()
            self._ended.set()

    @Service.task
    async def _watch_lag(self) -> None:
        while not self.should_stop:
            await self.sleep(LAG_SECONDS)
            if not self._intake.joined:
                continue
            try:
                await asyncio.wait_for(self._intake.report_lag(), LAG_SECONDS)
            except (KafkaError, TimeoutError) as error:
                logger.debug("no lag: %r", error)

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        for delay in delays(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS):
            if self.should_stop or await self._tried(step):
                return
            await self.sleep(self._circuit.rest or delay)

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except (DatabaseAway, CircuitOpen):
            self._failures += 1
            self._marks.doubt()
            self._health.bad("archive", "waits for the database; nothing is lost, Kafka keeps it")
            return False
        except KafkaError as error:
            self._failures += 1
            self._health.bad("archive", f"waits for Kafka ({error})")
            return False
        return True

    async def _prepare(self) -> None:
        with self._circuit.call(DatabaseAway):
            await prepare(self._database, self._settings)

    async def _round(self) -> None:
        batch = await self._intake.take()
        if size := sum(map(len, batch.messages.values())):
            metrics.ARCHIVE_BATCH_RECORDS.observe(size)
        began = monotonic()
        await self._until_done(lambda: self._settle(batch))
        self._intake.size.learn(size, monotonic() - began)
        if not batch.full:
            await self.sleep(max(began + PACE_SECONDS - monotonic(), 0.0))

    async def _settle(self, batch: Batch) -> None:
        async with self._intake.writing:
            if not self._intake.holds(batch):
                return
            with self._circuit.call(DatabaseAway):
                await self._store(batch)
            await self._intake.commit(batch)
        self._health.good("archive", "stores what arrives")

    async def _store(self, batch: Batch) -> None:
        if not batch.messages:
            await ping(self._database)
        # A topic leaves the batch when it is done, so that a retry neither writes nor counts it again.
        for topic in list(batch.messages):
            documents = await store(self._database, self._refusals, topic, batch.messages[topic])
            if topic == RAW.name:
                self._marks.note(documents, datetime.now(UTC))
            self._intake.met(batch.messages.pop(topic))
        await self._marks.write(self._database, datetime.now(UTC))
