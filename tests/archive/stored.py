"""What the archive has stored, and how far it is behind."""

from prometheus_client import REGISTRY

from iss_agents.archive.mongo import Database
from iss_agents.config.settings import Settings
from iss_agents.telemetry import topics
from tests.archive.kafka import lag


def counted(topic: topics.Topic, outcome: str) -> float:
    labels = {"topic": topic.name, "outcome": outcome}
    return REGISTRY.get_sample_value("iss_archive_documents_total", labels) or 0.0


async def stored_values(database: Database) -> list[str]:
    documents = await database.readings.find().sort([("source_ts", 1), ("_id", 1)]).to_list(None)
    return [document["value"] for document in documents]


async def caught_up(settings: Settings) -> bool:
    return await lag(settings) == 0


async def has_documents(database: Database, count: int) -> bool:
    return await database.readings.count_documents({}) >= count
