"""MongoDB: the connection, its time-outs and what its errors mean. The only importer of Motor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import WriteConcern
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from iss_agents.errors import UserError
from iss_agents.settings import Settings

Document: TypeAlias = dict[str, Any]
Database: TypeAlias = AsyncIOMotorDatabase[Document]
Collection: TypeAlias = AsyncIOMotorCollection[Document]

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

SHOWN_CHARACTERS = 200
"""How much of the driver's text a sentence repeats; it can be pages of topology."""


class DatabaseAway(Exception):  # noqa: N818 - a state, not a mistake
    """MongoDB could not do it now: it is unreachable, too slow, not primary, or refuses the user."""


def connect(settings: Settings) -> Database:
    """Return the database of the settings; the connection itself is made by the first call.

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
            socketTimeoutMS=SOCKET_MS,
            heartbeatFrequencyMS=HEARTBEAT_MS,
        )
        return client.get_database(settings.mongo_database, write_concern=ACKNOWLEDGED)
    except (PyMongoError, ValueError) as error:
        raise UserError(f"ISS_MONGO_URL or ISS_MONGO_DATABASE cannot be used: {error}") from error


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
    except PyMongoError as error:
        raise DatabaseAway(_sentence(error)) from error


def _sentence(error: PyMongoError) -> str:
    if isinstance(error, ExecutionTimeout):
        return "MongoDB took too long; ask for a shorter span or fewer items"
    text = str(error).partition(" (configured")[0][:SHOWN_CHARACTERS]
    if not isinstance(error, OperationFailure):
        return f"MongoDB does not answer; start it or correct ISS_MONGO_URL ({text})"
    if error.code in NOT_ALLOWED:
        return f"MongoDB refuses the user or the password; correct ISS_MONGO_URL ({text})"
    return f"MongoDB does not take it now ({text})"
