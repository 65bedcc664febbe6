"""Index builder: creates indexes in the background; on 180 million readings each takes minutes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from mode import Service
from pymongo.errors import OperationFailure

from iss_agents.archive.indexes import build_progress, drop_obsolete, missing
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, maintenance_database
from iss_agents.archive.retention import APPLY, Retention, in_words, prepare
from iss_agents.config.settings import Settings
from iss_agents.runtime.backoff import delays

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0

PROGRESS_SECONDS = 5.0
"""How often the server is asked how far a build is."""


class IndexBuilder(Service):
    """Creates missing indexes, drops those they replace, and lengthens retentions, once per worker.

    `pending` says what is left to do, or is empty.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.pending = ""
        self._settings = settings
        self._told: set[str] = set()

    @Service.task
    async def _build(self) -> None:
        # Without a time limit: requesting a build again does not make it faster.
        async with maintenance_database(self._settings, socket_ms=None) as database:
            for delay in delays(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS):
                if self.should_stop or await self._built(database):
                    return
                await self.sleep(delay)

    async def _built(self, database: Database) -> bool:
        try:
            async with self._reporting(database, await missing(database)):
                _log(await prepare(database, self._settings))
                await drop_obsolete(database)
        except DatabaseUnavailableError as error:
            self._fail(error)
            return False
        self.pending = ""
        return True

    @asynccontextmanager
    async def _reporting(self, database: Database, absent: Sequence[str]) -> AsyncIterator[None]:
        """Say during the block what is being built, and how far it is."""
        done = asyncio.Event()
        following = asyncio.create_task(self._follow(database, absent, done))
        try:
            yield
            # Not cancelled: that would leave behind a connection that is just being opened.
            done.set()
            await following
        finally:
            following.cancel()

    async def _follow(self, database: Database, absent: Sequence[str], done: asyncio.Event) -> None:
        so_far = ""
        while absent and not done.is_set():
            pending = f"indexes are being built ({'; '.join(absent)}{so_far})"
            if pending != self.pending:
                self.pending = pending
                logger.info("MongoDB: %s", pending)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), PROGRESS_SECONDS)
                return
            percent = await build_progress(database)
            so_far = f", {percent} % of the current one" if percent is not None else ""

    def _fail(self, error: DatabaseUnavailableError) -> None:
        self.pending = f"indexes cannot be built ({error})"
        # The archive itself reports a database that does not answer.
        if isinstance(error.__cause__, OperationFailure) and str(error) not in self._told:
            self._told.add(str(error))
            logger.warning("MongoDB: %s", self.pending)


def _log(retentions: Sequence[Retention]) -> None:
    kept = ", ".join(f"{each.collection} {in_words(each.in_force)}" for each in retentions)
    logger.info("MongoDB keeps %s", kept)
    if shorter := [each.difference for each in retentions if each.would_shorten]:
        logger.warning("%s: nothing more is deleted until you run %s", "; ".join(shorter), APPLY)
