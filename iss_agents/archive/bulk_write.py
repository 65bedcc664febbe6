"""Bulk write of a batch into one collection, and the outcome for each document.

A document is rejected only for errors that are known to be its own fault. Any other error code means that the
server cannot write now: there are hundreds, and every version and hosted service adds more.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import bson
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, OperationFailure

from iss_agents.archive.destinations import Operation
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, mongo_errors
from iss_agents.runtime.metrics import DATABASE_ERRORS, DATABASE_WRITE

DUPLICATE = 11000

DOCUMENT_FAULTS = frozenset({2, 9, 14, 22, 52, 53, 55, 56, 57, 121, 10334, 17280, 17419, 17420})
"""Error codes that blame the document (mongo/base/error_codes.yml): BadValue, FailedToParse, TypeMismatch,
InvalidBSON, DollarPrefixedFieldName, InvalidIdField, InvalidDBRef, EmptyFieldName, DottedFieldName,
DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong, and two for updates that become too large."""

LARGEST_DOCUMENT = 16 * 1024 * 1024
"""MongoDB's limit, bytes."""


class Written(NamedTuple):
    """Outcome of a batch. `rejected`: index of a document -> why the database will never accept it.

    `repeats` are the indexes of duplicates that were certainly stored before this call.
    """

    stored: int
    duplicates: int
    rejected: dict[int, str]
    repeats: frozenset[int] = frozenset()


async def write(
    database: Database, collection: str, documents: Sequence[Any], operation: Callable[[Any], Operation]
) -> Written:
    """Apply one operation per document; if most are rejected, the database is considered unavailable.

    Raises:
        DatabaseUnavailableError: some may be written; the call can be repeated.
    """
    written = await apply(database, collection, documents, operation)
    # Documents that the driver cannot encode are faulty, however many there are.
    suspicious = [index for index in written.rejected if _encoding_error(documents[index]) is None]
    if len(suspicious) > 1 and 2 * len(suspicious) > len(documents):
        reason = written.rejected[suspicious[0]]
        raise _unavailable(f"MongoDB rejects {len(suspicious)} of {len(documents)} documents ({reason})")
    return written


async def apply(
    database: Database, collection: str, documents: Sequence[Any], operation: Callable[[Any], Operation]
) -> Written:
    """Apply one operation per document, independently of the others.

    Raises:
        DatabaseUnavailableError: some may be applied; the call can be repeated.
    """
    if not documents:
        return Written(0, 0, {})
    with mongo_errors():
        try:
            result = await _bulk_write(database, collection, list(map(operation, documents)))
        except (BSONError, OverflowError, OperationFailure) as error:
            return await _bisect(partial(apply, database, collection, operation=operation), documents, error)
        return _outcome(result, documents)


async def _bulk_write(database: Database, collection: str, operations: Sequence[Operation]) -> dict[str, Any]:
    try:
        with DATABASE_WRITE.time():
            result = await database[collection].bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        return dict(error.details or {})
    return result.bulk_api_result


async def _bisect(apply_to: Callable[..., Any], documents: Sequence[Any], error: Exception) -> Written:
    """Bisect a batch that failed as a whole, until the document at fault is alone.

    The driver fails a batch with a value that BSON cannot encode, the server one with a document so large that
    it does not read the command. If no document is at fault, the first one alone raises the error again.
    The driver may have written a part of the batch before, so no duplicate counts as a repeat.
    """
    if len(documents) == 1:
        code, text = getattr(error, "code", None), str(error)
        reason = _fault(documents[0], code, text)
        if reason is None:
            raise error
        return Written(0, 0, {0: reason})
    middle = len(documents) // 2
    first: Written = await apply_to(documents[:middle])
    second: Written = await apply_to(documents[middle:])
    rejected = first.rejected | {middle + index: reason for index, reason in second.rejected.items()}
    return Written(first.stored + second.stored, first.duplicates + second.duplicates, rejected)


def _outcome(result: dict[str, Any], documents: Sequence[Any]) -> Written:
    rejected: dict[int, str] = {}
    repeats: set[int] = set()
    for error in result["writeErrors"]:
        code, index = error["code"], error["index"]
        if code == DUPLICATE:
            repeats.add(index)
            continue
        reason = _fault(documents[index], code, error["errmsg"])
        if reason is None:
            raise _unavailable(f"MongoDB does not take it now ({code}: {error['errmsg']})")
        rejected[index] = reason
    for error in result["writeConcernErrors"]:
        raise _unavailable(f"MongoDB does not take it now ({error['code']}: {error['errmsg']})")
    stored = result["nInserted"] + result["nUpserted"] + result["nModified"]
    return Written(stored, len(documents) - stored - len(rejected), rejected, frozenset(repeats))


def _fault(document: Any, code: int | None, text: str) -> str | None:
    """Return why the document can never be stored, None if it is not at fault."""
    if code in DOCUMENT_FAULTS:
        return f"{code}: {text}"
    return _encoding_error(document)


def _encoding_error(document: Any) -> str | None:
    try:
        size = len(bson.encode(document))
    except (BSONError, OverflowError) as error:
        return str(error)
    return f"{size} bytes exceed the limit of {LARGEST_DOCUMENT}" if size > LARGEST_DOCUMENT else None


def _unavailable(reason: str) -> DatabaseUnavailableError:
    DATABASE_ERRORS.labels("away").inc()
    return DatabaseUnavailableError(reason)
