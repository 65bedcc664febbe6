"""The database: it starts, keeps its documents whatever ends it, and refuses with one sentence."""

from typing import Any

from pymongo import AsyncMongoClient


async def test_a_document_that_was_written_is_read_back(mongo_url: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url)
    async with client:
        await client.trial.papers.insert_one({"_id": 1, "value": "37"})

        assert await client.trial.papers.find_one() == {"_id": 1, "value": "37"}
