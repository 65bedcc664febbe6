"""MongoDB client: connection, timeouts, and what the driver's errors mean. The only importer of Motor."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, TypeAlias

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
)
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.runtime.metrics import DATABASE_ERRORS

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncIOMotorDatabase[Document]
Collection: TypeAlias = AsyncIOMotorCollection[Document]
Cursor: TypeAlias = AsyncIOMotorCursor[Document]

SELECTION_MS = 3_000
"""How long a call looks for a primary before it fails; the caller retries."""

SOCKET_MS = 10_000
"""How long a call waits for its answer: some thirty times what the embedded database takes for a batch."""

MAINTENANCE_MS = 600_000
"""The same for a long query: the embedded database may read 30 million readings for it, at 20 us each."""

HEARTBEAT_MS = 2_000
"""How soon a server is noticed to be back; the driver's default of ten seconds is long for an archive."""

ACKNOWLEDGED = WriteConcern("majority", j=True, wtimeout=5_000)
"""An acknowledged document is in the journal of most members, so that the offset may be committed."""

NOT_ALLOWED = frozenset({13, 18, 8000})
"""Unauthorized, AuthenticationFailed, AtlasError (MongoDB's error codes)."""

PERMANENT = frozenset({2, 9, 14, 20, 40, 59, 72, 115, 168, 238, 303})
"""BadValue, FailedToParse, TypeMismatch, IllegalOperation, ConflictingUpdateOperators, CommandNotFound,
InvalidOptions, CommandNotSupported, InvalidPipelineOperator, NotImplemented (of servers that only speak the
protocol), FeatureNotSupported: retrying the command cannot succeed."""

FIRST_LOCATION = 14_032
"""Codes from here on name one line of the server's source, such as that of `$mod` with a text. Those below it
and above 10,000 are older than that, and several say that a primary is missing."""

THROTTLED = 16500
"""Error code of Cosmos DB while it throttles requests."""

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
HUNG_UP = re.compile(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|connection closed|reset by peer")
"""Parts of the driver's messages for an untrusted certificate, and for a server that hangs up."""

QUOTED = re.compile(r'"[^"]*"')

SHOWN_CHARACTERS = 200
"""How much of the driver's message is repeated; it can be pages of topology."""


class DatabaseUnavailableError(Exception):
    """MongoDB is unavailable: unreachable, too slow, not primary, or it rejects the user."""


class QueryTimeoutError(DatabaseUnavailableError):
    """MongoDB is available, but the query exceeded its time limit."""


class RejectedError(DatabaseUnavailableError):
    """MongoDB is available, but rejects this command, and would do so again."""


def connect(settings: Settings) -> Database:
    """Return the database of the settings; the first call connects.

    Raises:
        UserError: ISS_MONGO_URL or ISS_MONGO_DATABASE is not valid.
    """
    database: Database = _database(AsyncIOMotorClient, settings, SOCKET_MS)
    return database


def connect_writer(settings: Settings) -> Database:
    """Return the database for what must not wait behind the queries of this process; end with `disconnect`.

    It uses PyMongo's own async client, which has the same methods as Motor's. All clients of Motor share one
    pool of threads, five for each core: while as many queries are slow, every other call would wait.

    The driver repeats no write: documents that its first attempt stored would be reported as duplicates by a
    server that does not recognize a repeated command.

    Raises:
        UserError: ISS_MONGO_URL or ISS_MONGO_DATABASE is not valid.
    """
    database: Database = _database(AsyncMongoClient, settings, SOCKET_MS, retryWrites=False)
    return database


async def disconnect(database: Any) -> None:
    """Close the connections of `connect_writer`."""
    await database.client.close()


@asynccontextmanager
async def maintenance_database(
    settings: Settings, socket_ms: int | None = MAINTENANCE_MS
) -> AsyncIterator[Database]:
    """Yield the database for long calls, of up to `socket_ms`; None means no limit.

    It uses PyMongo's client, as `connect_writer` does: cancelling a call closes its connection. Motor would
    leave behind a thread that waits for the answer, and keeps the process alive.

    Raises:
        UserError: MongoDB does not answer, or its address is not valid.
    """
    database = _database(AsyncMongoClient, settings, socket_ms)
    try:
        yield database
    except DatabaseUnavailableError as error:
        raise UserError(f"{error}.") from error
    finally:
        await disconnect(database)


def _database(client: Callable[..., Any], settings: Settings, socket_ms: int | None, **options: bool) -> Any:
    try:
        return client(
            settings.mongo_url.get_secret_value(),
            appname="iss-agents",
            tz_aware=True,
            serverSelectionTimeoutMS=SELECTION_MS,
            connectTimeoutMS=SELECTION_MS,
            socketTimeoutMS=socket_ms,
            heartbeatFrequencyMS=HEARTBEAT_MS,
            # Not by a connection that always waits for news, with another that measures round trips: the next
            # call notices that a server has gone away.
            serverMonitoringMode="poll",
            **options,
        ).get_database(settings.mongo_database, write_concern=ACKNOWLEDGED)
    except (PyMongoError, ValueError, OSError) as error:
        # The part of the address that the driver quotes may contain the end of a password.
        why = QUOTED.sub("a part of it", str(error))
        raise UserError(f"ISS_MONGO_URL or ISS_MONGO_DATABASE cannot be used: {why}") from error


def require_usable(settings: Settings) -> None:
    """Check that the address of the database is valid, whether or not anything answers there.

    Raises:
        UserError: ISS_MONGO_URL or ISS_MONGO_DATABASE is not valid, or names a file that cannot be read.
    """
    connect(settings).client.close()


async def ping(database: Database) -> None:
    """Return when the database has answered.

    Raises:
        DatabaseUnavailableError: it has not.
    """
    with mongo_errors():
        await database.command("ping")


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Translate the driver's errors into DatabaseUnavailableError, in a sentence that says what to do."""
    try:
        yield
    except ExecutionTimeout as error:
        DATABASE_ERRORS.labels("too_slow").inc()
        raise QueryTimeoutError("MongoDB took too long; ask for a shorter span or fewer items") from error
    except PyMongoError as error:
        if _is_permanent(error):
            DATABASE_ERRORS.labels("rejected").inc()
            raise RejectedError(f"MongoDB rejects this, and will again ({_text(error)})") from error
        DATABASE_ERRORS.labels("away").inc()
        raise DatabaseUnavailableError(_sentence(error)) from error


def milliseconds_left(deadline: float) -> int:
    """Return the time until `deadline`, a time of the monotonic clock, as the limit of a query.

    Raises:
        QueryTimeoutError: it has passed.
    """
    left = round((deadline - monotonic()) * 1000)
    if left < 1:
        raise QueryTimeoutError("MongoDB took too long; ask for a shorter span or fewer items")
    return left


def _is_permanent(error: PyMongoError) -> bool:
    code = error.code if isinstance(error, OperationFailure) and error.code else 0
    return code in PERMANENT or (code >= FIRST_LOCATION and code != THROTTLED)


def _text(error: PyMongoError) -> str:
    return str(error).partition(" (configured")[0][:SHOWN_CHARACTERS]


def _sentence(error: PyMongoError) -> str:
    text = _text(error)
    if UNTRUSTED in text:
        return f"MongoDB's certificate is not trusted; correct tlsCAFile or host in ISS_MONGO_URL ({text})"
    if HUNG_UP.search(text):
        return _hung_up(error, text)
    if not isinstance(error, OperationFailure):
        return f"MongoDB does not answer; start it or correct ISS_MONGO_URL ({text})"
    if error.code in NOT_ALLOWED:
        return f"MongoDB refuses the user or the password; correct ISS_MONGO_URL ({text})"
    return f"MongoDB does not take it now ({text})"


def _hung_up(error: PyMongoError, text: str) -> str:
    # A server that was selected has answered before: it stops or restarts. With wrong TLS, none is selected.
    if isinstance(error, ServerSelectionTimeoutError):
        return f"MongoDB hangs up; if it wants TLS, or does not, correct tls= in ISS_MONGO_URL ({text})"
    return f"MongoDB has hung up and is asked again ({text})"
