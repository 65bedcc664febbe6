from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from iss_agents.archive import bulk_write
from iss_agents.archive.bulk_write import Written
from iss_agents.archive.destinations import GAPS, READINGS, Destination
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, connect
from iss_agents.config.settings import Settings
from iss_agents.tools.testbed.fail_points import failing_writes
from tests.archive.answering import Answer, answering, as_mongod, refusing

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


async def write(database: Database, row: Destination, documents: list[Document]) -> Written:
    return await bulk_write.write(database, row.collection, documents, row.operation)


async def test_counts_stored_and_duplicates(database: Database) -> None:
    first = await write(database, READINGS, [{"_id": "a"}, {"_id": "b"}, {"_id": "a"}])
    second = await write(database, READINGS, [{"_id": "b"}, {"_id": "c"}])

    assert (first, second) == (
        Written(2, 1, {}, frozenset({2})),
        Written(1, 1, {}, frozenset({0})),
    )


async def test_documents_that_are_no_bson_are_refused_by_their_index(database: Database) -> None:
    documents: list[Document] = [
        {"_id": "a"},
        {"_id": "b", "number": 2**70},
        {"_id": "a"},
        {"_id": "c", "it": object()},
        {"_id": "d"},
    ]

    written = await write(database, READINGS, documents)

    assert (written.stored, written.duplicates, sorted(written.rejected)) == (2, 1, [1, 3])
    assert written.rejected[1] == "MongoDB can only handle up to 8-byte ints"
    assert sorted(await database.readings.distinct("_id")) == ["a", "d"]


async def test_a_document_that_is_too_large_is_refused_alone(database: Database) -> None:
    written = await write(database, READINGS, [{"_id": "a"}, {"_id": "b", "text": "x" * 17_000_000}])

    assert (written.stored, written.duplicates, list(written.rejected)) == (1, 0, [1])


async def test_indexes_of_the_refused_count_the_unencodable_too(database: Database) -> None:
    await database.create_collection("readings", validator={"_id": {"$ne": "c"}})

    written = await write(database, READINGS, [{"_id": "a", "number": 2**70}, {"_id": "b"}, {"_id": "c"}])

    assert (written.stored, written.duplicates, sorted(written.rejected)) == (1, 0, [0, 2])


@asynccontextmanager
async def proxied(settings: Settings, answer: Answer) -> AsyncIterator[Database]:
    """Give the database behind a proxy."""
    async with answering(settings.mongo_url.get_secret_value(), answer) as url:
        database = connect(settings.model_copy(update={"mongo_url": SecretStr(url)}))
        yield database
        database.client.close()


@pytest.mark.parametrize("place", [0, 3, 9])
async def test_a_document_for_which_the_server_gives_up_the_batch_is_refused_alone(
    database: Database, settings: Settings, place: int
) -> None:
    documents: list[Document] = [{"_id": f"{number}"} for number in range(10)]
    documents[place]["text"] = "x" * 2000

    async with proxied(settings, as_mongod(largest=1000)) as behind:
        written = await write(behind, READINGS, documents)

    assert (written.stored, written.duplicates, list(written.rejected)) == (9, 0, [place])
    assert written.rejected[place].startswith("10334: BSONObj size: 20")
    assert await database.readings.count_documents({}) == 9


async def test_many_documents_that_are_too_large_are_no_fault_of_the_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_write, "LARGEST_DOCUMENT", 1000)
    documents: list[Document] = [{"_id": f"{number}", "text": "x" * 2000} for number in range(3)]
    async with proxied(settings, as_mongod(largest=1000)) as behind:
        written = await write(behind, READINGS, documents)

    assert list(written.rejected) == [0, 1, 2]


@pytest.mark.parametrize("code", [371, 402, 406, 407, 412, 8, 99999])
async def test_no_document_is_refused_because_of_an_error_that_does_not_blame_it(
    database: Database, settings: Settings, code: int
) -> None:
    readings: list[Document] = [{"_id": f"{number}"} for number in range(4)]
    async with proxied(settings, refusing(code)) as each, failing_writes(database, {"errorCode": code}):
        for refused_by in (each, database):
            with pytest.raises(DatabaseUnavailableError, match=str(code)):
                await write(refused_by, READINGS, readings)

    assert await write(database, READINGS, readings) == Written(4, 0, {})


@pytest.mark.parametrize(("rejected", "count"), [(1, 1), (1, 3), (2, 4), (5, 20)])
async def test_few_documents_that_a_rule_of_the_database_refuses_are_at_fault(
    database: Database, rejected: int, count: int
) -> None:
    await database.create_collection("readings", validator={"number": {"$gte": rejected}})
    written = await write(
        database, READINGS, [{"_id": f"{number}", "number": number} for number in range(count)]
    )

    assert (written.stored, list(written.rejected)) == (count - rejected, list(range(rejected)))


@pytest.mark.parametrize(("rejected", "count"), [(2, 2), (2, 3), (11, 20)])
async def test_a_database_that_refuses_most_documents_is_ill(
    database: Database, rejected: int, count: int
) -> None:
    documents: list[Document] = [{"_id": f"{number}", "number": number} for number in range(count)]
    await database.create_collection("readings", validator={"number": {"$gte": rejected}})
    with pytest.raises(
        DatabaseUnavailableError, match=rf"^MongoDB rejects {rejected} of {count} documents \(121: "
    ):
        await write(database, READINGS, documents)
    async with failing_writes(database, {"errorCode": 9}):
        with pytest.raises(
            DatabaseUnavailableError, match=rf"^MongoDB rejects {count} of {count} documents \(9: "
        ):
            await write(database, READINGS, documents)


async def test_an_end_read_twice_is_a_duplicate(database: Database) -> None:
    ended = {"_id": "gap", "start": NOW, "end": NOW}

    assert await write(database, GAPS, [{**ended, "end": None}, ended]) == Written(2, 0, {})
    assert await write(database, GAPS, [{**ended, "end": None}, ended]) == Written(0, 2, {}, frozenset({0}))


async def test_a_database_that_only_partly_acknowledges_is_away(database: Database) -> None:
    fault = {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}
    before = errors()
    async with failing_writes(database, fault):
        with pytest.raises(DatabaseUnavailableError, match="64: waiting for replication timed out"):
            await write(database, READINGS, [{"_id": "a"}])
    assert errors() == before + 1


def errors() -> float:
    return REGISTRY.get_sample_value("iss_database_errors_total", {"kind": "away"}) or 0.0
