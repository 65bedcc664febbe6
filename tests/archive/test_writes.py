from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from iss_agents.archive.database import Database, DatabaseAway, Document
from iss_agents.archive.destinations import GAPS, READINGS
from iss_agents.archive.writes import Written, write
from iss_agents.soak.failpoints import failing_writes

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


async def test_counts_stored_and_duplicates(database: Database) -> None:
    first = await write(database, READINGS, [{"_id": "a"}, {"_id": "b"}, {"_id": "a"}])
    second = await write(database, READINGS, [{"_id": "b"}, {"_id": "c"}])

    assert (first, second) == (Written(2, 1, {}), Written(1, 1, {}))


async def test_documents_that_are_no_bson_are_refused_by_their_index(database: Database) -> None:
    documents: list[Document] = [
        {"_id": "a"},
        {"_id": "b", "number": 2**70},
        {"_id": "a"},
        {"_id": "c", "it": object()},
        {"_id": "d"},
    ]

    written = await write(database, READINGS, documents)

    assert (written.stored, written.duplicates, sorted(written.refused)) == (2, 1, [1, 3])
    assert written.refused[1] == "MongoDB can only handle up to 8-byte ints"
    assert sorted(await database.readings.distinct("_id")) == ["a", "d"]


async def test_a_document_that_is_too_large_is_refused_alone(database: Database) -> None:
    written = await write(database, READINGS, [{"_id": "a"}, {"_id": "b", "text": "x" * 17_000_000}])

    assert (written.stored, written.duplicates, list(written.refused)) == (1, 0, [1])


async def test_indexes_of_the_refused_count_the_unencodable_too(database: Database) -> None:
    await database.create_collection("readings", validator={"_id": {"$ne": "c"}})

    written = await write(database, READINGS, [{"_id": "a", "number": 2**70}, {"_id": "b"}, {"_id": "c"}])

    assert (written.stored, written.duplicates, sorted(written.refused)) == (1, 0, [0, 2])


async def test_an_end_read_twice_is_a_duplicate(database: Database) -> None:
    ended = {"_id": "gap", "start": NOW, "end": NOW}

    assert await write(database, GAPS, [{**ended, "end": None}, ended]) == Written(2, 0, {})
    assert await write(database, GAPS, [{**ended, "end": None}, ended]) == Written(0, 2, {})


async def test_a_database_that_only_partly_acknowledges_is_away(database: Database) -> None:
    fault = {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}
    before = errors()
    async with failing_writes(database, fault):
        with pytest.raises(DatabaseAway, match="64: waiting for replication timed out"):
            await write(database, READINGS, [{"_id": "a"}])
    assert errors() == before + 1


def errors() -> float:
    return REGISTRY.get_sample_value("iss_database_errors_total", {"kind": "away"}) or 0.0
