"""One batch of documents into one collection, and what became of each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import bson
from bson.errors import BSONError
from pymongo.errors import BulkWriteError

from iss_agents.archive.database import Database, DatabaseAway, Document, away_if_it_fails
from iss_agents.archive.destinations import Destination, Operation
from iss_agents.metrics import DATABASE_ERRORS, DATABASE_WRITE

DUPLICATE = 11000

TRANSIENT = frozenset(
    {6, 7, 13, 18, 24, 43, 46, 50, 64, 89, 91, 112, 133, 134, 136, 148, 175, 189, 234, 262}
    | {290, 317, 358, 365, 384, 8000, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, 14031}
)
"""Codes that say that the server is not able, not that the document is wrong (mongo/base/error_codes.yml):
network, not primary, shutdown, lock and time limits, write conflicts, disk full, no permission."""

LARGEST_DOCUMENT = 16 * 1024 * 1024
"""MongoDB's limit, bytes."""


class Written(NamedTuple):
    """What became of a batch. `refused`: index of a document -> why the database will never take it."""

    stored: int
    duplicates: int
    refused: dict[int, str]


async def write(database: Database, row: Destination, documents: Sequence[Document]) -> Written:
    """Write documents; those that are there already are duplicates.

    Raises:
        DatabaseAway: some may be written; the call can be repeated.
    """
    if not documents:
        return Written(0, 0, {})
    operations = [row.operation(document) for document in documents]
    try:
        return await apply(database, row.collection, operations)
    except (BSONError, OverflowError):
        # The driver gives up the whole batch for one document that is no BSON.
        return await _write_encodable(database, row, documents)


async def apply(database: Database, collection: str, operations: Sequence[Operation]) -> Written:
    """Apply operations, one a document, each of them even if others cannot be.

    Raises:
        DatabaseAway: some may be applied; the call can be repeated.
        BSONError, OverflowError: one has no form in BSON, and none is applied.
    """
    with away_if_it_fails(), DATABASE_WRITE.time():
        result = await _bulk_write(database, collection, operations)
    return _judged(result, len(operations))


async def _bulk_write(database: Database, collection: str, operations: Sequence[Operation]) -> dict[str, Any]:
    try:
        result = await database[collection].bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        return dict(error.details or {})
    return result.bulk_api_result


def _judged(result: dict[str, Any], count: int) -> Written:
    errors = [error for error in result["writeErrors"] if error["code"] != DUPLICATE]
    transient = [error for error in errors if error["code"] in TRANSIENT]
    for error in transient + result["writeConcernErrors"]:
        DATABASE_ERRORS.labels("away").inc()
        raise DatabaseAway(f"MongoDB does not take it now ({error['code']}: {error['errmsg']})")
    refused = {error["index"]: f"{error['code']}: {error['errmsg']}" for error in errors}
    stored = result["nInserted"] + result["nUpserted"] + result["nModified"]
    return Written(stored, count - stored - len(refused), refused)


async def _write_encodable(database: Database, row: Destination, documents: Sequence[Document]) -> Written:
    errors = {index: _encoding_error(document) for index, document in enumerate(documents)}
    unencodable = {index: error for index, error in errors.items() if error}
    assert unencodable  # noqa: S101 - else this would go on for ever
    rest = [index for index in errors if index not in unencodable]
    written = await write(database, row, [documents[index] for index in rest])
    refused = {rest[index]: error for index, error in written.refused.items()}
    return written._replace(refused=unencodable | refused)


def _encoding_error(document: Document) -> str | None:
    try:
        size = len(bson.encode(document))
    except (BSONError, OverflowError) as error:
        return str(error)
    return f"{size} bytes are too large" if size > LARGEST_DOCUMENT else None
