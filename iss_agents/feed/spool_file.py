"""SQLite file of a spool: its connection, and the meaning of its errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iss_agents.feed.salvage import PAGE_BYTES

BUSY_SECONDS = 0.1
"""How long the event loop waits for a lock that somebody else holds."""

INSERT = "INSERT INTO records (number, topic, partition, key, value, ingest_ts) VALUES (?,?,?,?,?,?)"
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL, partition INTEGER NOT NULL, key BLOB, value BLOB NOT NULL, ingest_ts REAL NOT NULL
)
"""

MAX_PAGES = 1_073_741_823
"""SQLite's own limit."""

TRANSIENT_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
}
"""Errors that say nothing about the file: it is locked, the disk fails, or rights are missing."""

PARTIAL_ERRORS = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
"""Disk errors that concern only a part of the file: the rest may be readable."""


class SpoolInUseError(Exception):
    """Another worker holds the lock of this spool."""


class SpoolDamaged(Exception):  # noqa: N818 - a state, not a mistake
    """The file is corrupt. `Spool.repair` salvages it."""


class SpoolUnavailable(Exception):  # noqa: N818 - a state, not a mistake
    """The spool cannot be used now; the message says why. A later attempt may succeed."""


class SpoolFullError(SpoolUnavailable):
    """The spool has reached its limit, or its disk is full."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate errors of SQLite into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error) from error


def connect(path: Path, limit_pages: int = MAX_PAGES) -> sqlite3.Connection:
    """Return a connection to the file, which is created if missing; one thread at a time may use it.

    Raises:
        SpoolDamaged, SpoolUnavailable: see there.
    """
    with translated_errors():
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            _prepare(connection, limit_pages)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, limit_pages: int) -> None:
    for pragma in (
        f"page_size={PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "wal_autocheckpoint=0",
        # Removed records are overwritten, so that a salvage does not find them.
        "secure_delete=ON",
        f"max_page_count={limit_pages}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(SCHEMA)


def _translated(error: sqlite3.Error) -> Exception:
    # Errors of the Python module have no code, for example for bytes that are not text.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    words = str(error)
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return SpoolFullError("the spool is full: start Kafka, or give it room (ISS_SPOOL_BYTES, the disk)")
    if code & 0xFF in TRANSIENT_ERRORS and code not in PARTIAL_ERRORS:
        return SpoolUnavailable(f"the spool cannot be used ({words})")
    return SpoolDamaged(words)
