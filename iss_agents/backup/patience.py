"""A connection for long questions: the embedded database reads all of a collection before it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from iss_agents.archive.database import Database, DatabaseAway, connect
from iss_agents.errors import UserError
from iss_agents.settings import Settings

PATIENCE_MS = 600_000
"""30 million readings in the embedded database, at 20 us each."""


@asynccontextmanager
async def patient_database(settings: Settings) -> AsyncIterator[Database]:
    """Give the database of the settings.

    Raises:
        UserError: MongoDB does not answer, or its address is none.
    """
    database = connect(settings, PATIENCE_MS)
    try:
        yield database
    except DatabaseAway as error:
        raise UserError(f"{error}.") from error
    finally:
        database.client.close()
