"""MongoDB: the connection, its time-outs and what its errors mean. The only importer of Motor."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
)
from pymongo import WriteConcern
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from iss_agents.errors import UserError
from iss_agents.metrics import DATABASE_ERRORS
from iss_agents.settings import Settings

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncIOMotorDatabase[Document]
Collection: TypeAlias = AsyncIOMotorCollection[Document]
Cursor: TypeAlias = AsyncIOMotorCursor[Document]

SELECTION_MS = 3_000
"""How long a call looks for a primary before it fails; whoever calls tries again."""

SOCKET_MS = 10_000
"""How long a call waits for its answer: some thirty times what the embedded database takes for a full batch."""

HEARTBEAT_MS = 2_000
"""How soon it is noticed that a server is back; the driver's own ten seconds are long for one archive."""

ACKNOWLEDGED = WriteConcern("majority", j=True, wtimeout=5_000)
"""An acknowledged document is in the journal of most members, so that the offset may be committed."""

NOT_ALLOWED = frozenset({13, 18, 8000})
"""Unauthorized, AuthenticationFailed, AtlasError (MongoDB's error codes)."""

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
HUNG_UP = re.compile(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|connection closed|reset by peer")
"""In what the driver tells of a strange certificate, and of a server that does, or does not, want TLS."""

SHOWN_CHARACTERS = 200
"""How much of the driver's text a sentence repeats; it can be pages of topology."""


class DatabaseAway(Exception):  # noqa: N818 - a state, not a mistake
    """MongoDB could not do it now: it is unreachable, too slow, not primary, or refuses the user."""


class TooSlow(DatabaseAway):
    """MongoDB works, and did not end within the time that the question had."""


def connect(settings: Settings, socket_ms: int = SOCKET_MS) -> Database:
    """Return the database of the settings; the connection itself is made by the first call.

    A call waits `socket_ms` milliseconds for its answer.

    Raises:
        UserError: ISS_MONGO_URL or ISS_MONGO_DATABASE is not one.
    """
    try:
        client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            settings.mongo_url.get_secret_value(),
            appname="iss-agents",
            tz_aware=True,
            serverSelectionTimeoutMS=SELECTION_MS,
            connectTimeoutMS=SELECTION_MS,
            socketTimeoutMS=socket_ms,
            heartbeatFrequencyMS=HEARTBEAT_MS,
        )
        return client.get_database(settings.mongo_database, write_concern=ACKNOWLEDGED)
    except (PyMongoError, ValueError, OSError) as error:
        raise UserError(f"ISS_MONGO_URL or ISS_MONGO_DATABASE cannot be used: {error}") from error


def require_usable(settings: Settings) -> None:
    """Return if the address of the database is one, whether or not anything answers there.

    Raises:
        UserError: ISS_MONGO_URL or ISS_MONGO_DATABASE is not one, or names a file that cannot be read.
    """
    connect(settings).client.close()


async def ping(database: Database) -> None:
    """Return when the database has answered.

    Raises:
        DatabaseAway: it has not.
    """
    with away_if_it_fails():
        await database.command("ping")


@contextmanager
def away_if_it_fails() -> Iterator[None]:
    """Raise the driver's errors as DatabaseAway, in a sentence that says what to do."""
    try:
        yield
    except ExecutionTimeout as error:
        DATABASE_ERRORS.labels("too_slow").inc()
        raise TooSlow("MongoDB took too long; ask for a shorter span or fewer items") from error
    except PyMongoError as error:
        DATABASE_ERRORS.labels("away").inc()
        raise DatabaseAway(_sentence(error)) from error


def _sentence(error: PyMongoError) -> str:
    text = str(error).partition(" (configured")[0][:SHOWN_CHARACTERS]
    if UNTRUSTED in text:
        return f"MongoDB's certificate is not trusted; correct tlsCAFile or host in ISS_MONGO_URL ({text})"
    if HUNG_UP.search(text):
        return f"MongoDB hangs up; if it wants TLS, or does not, correct tls= in ISS_MONGO_URL ({text})"
    if not isinstance(error, OperationFailure):
        return f"MongoDB does not answer; start it or correct ISS_MONGO_URL ({text})"
    if error.code in NOT_ALLOWED:
        return f"MongoDB refuses the user or the password; correct ISS_MONGO_URL ({text})"
    return f"MongoDB does not take it now ({text})"
