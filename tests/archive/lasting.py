"""Indexes of a database in which nothing expires."""

from iss_agents.archive import indexes
from iss_agents.archive.database import Database
from iss_agents.settings import Settings

FOR_EVER = {"retention_days": 0, "summary_days": 0}


async def prepare(database: Database, settings: Settings) -> None:
    """Make every index; what a test dates back would otherwise be removed in its midst, once a minute."""
    await indexes.prepare(database, settings.model_copy(update=FOR_EVER))
